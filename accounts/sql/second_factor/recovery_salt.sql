SELECT salt FROM accounts.recovery_codes WHERE user_id = $1 LIMIT 1
