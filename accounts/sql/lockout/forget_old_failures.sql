DELETE FROM accounts.login_attempts WHERE last_failed_at < now() - interval '1 day'
