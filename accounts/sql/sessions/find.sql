-- `fresh`: rotated within $2 seconds.
SELECT session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent,
       second_factor, generation, family_nonce, token_hash, rotated_at,
       ended_at IS NULL AND expires_at > now() AS live,
       extract(epoch FROM now() - last_seen_at)::float8 AS idle_seconds,
       ended_at IS NULL AND rotated_at > clock_timestamp() - make_interval(secs => $2::float8) AS fresh
FROM accounts.sessions WHERE session_id = $1
