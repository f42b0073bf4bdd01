DELETE FROM accounts.sessions WHERE expires_at < now() - make_interval(days => $1)
