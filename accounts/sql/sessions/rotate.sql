UPDATE accounts.sessions
SET generation = generation + 1, token_hash = $4, rotated_at = clock_timestamp(), last_seen_at = clock_timestamp()
WHERE session_id = $1 AND generation = $2 AND token_hash = $3 AND ended_at IS NULL AND expires_at > now()
RETURNING session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent,
          second_factor, generation, family_nonce, token_hash, rotated_at
