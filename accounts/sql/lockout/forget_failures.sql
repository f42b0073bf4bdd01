DELETE FROM accounts.login_attempts WHERE bucket = $1
