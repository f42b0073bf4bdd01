UPDATE accounts.credentials SET password_hash = $2, password_changed_at = now() WHERE user_id = $1
