UPDATE accounts.second_factors
SET sealed_secret = $2, enabled_at = now(), last_step = $3, pending_secret = NULL, pending_since = NULL
WHERE user_id = $1
