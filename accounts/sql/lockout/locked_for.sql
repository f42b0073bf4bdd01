SELECT max(extract(epoch FROM locked_until - now()))::float8 AS locked_seconds
FROM accounts.login_attempts WHERE bucket = $1 AND locked_until > now()
