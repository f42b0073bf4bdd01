UPDATE accounts.calendar_feeds SET ended_at = now() WHERE created_by = $1 AND ended_at IS NULL
