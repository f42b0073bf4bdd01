DELETE FROM accounts.login_attempts WHERE bucket = ANY($1)
