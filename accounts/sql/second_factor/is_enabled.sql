SELECT EXISTS (
  SELECT FROM accounts.second_factors WHERE user_id = $1 AND enabled_at IS NOT NULL
) AS enabled
