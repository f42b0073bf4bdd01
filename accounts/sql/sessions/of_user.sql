SELECT session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent,
       second_factor, generation, family_nonce, token_hash, rotated_at
FROM accounts.sessions
WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now()
ORDER BY created_at DESC, session_id
