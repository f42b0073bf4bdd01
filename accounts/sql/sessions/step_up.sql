UPDATE accounts.sessions SET stepped_up_at = now(), second_factor = second_factor OR $2
WHERE session_id = $1 AND ended_at IS NULL
