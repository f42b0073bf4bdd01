DELETE FROM accounts.recovery_codes WHERE user_id = $1
