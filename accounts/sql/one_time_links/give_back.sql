UPDATE accounts.one_time_links SET used_at = NULL WHERE token_hash = $1
