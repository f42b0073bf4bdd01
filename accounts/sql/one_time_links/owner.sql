SELECT user_id FROM accounts.one_time_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()
