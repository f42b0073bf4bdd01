SELECT session_id, ended_at IS NOT NULL AS ended, second_factor, expires_at, last_seen_at
FROM accounts.sessions
WHERE changed_in >= $1::text::xid8 AND expires_at > now() - interval '1 hour'
