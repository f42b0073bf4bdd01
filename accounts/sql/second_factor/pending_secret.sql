SELECT pending_secret FROM accounts.second_factors
WHERE user_id = $1 AND pending_since > now() - make_interval(mins => $2)
