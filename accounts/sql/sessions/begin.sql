INSERT INTO accounts.sessions
  (session_id, user_id, facility_id, created_at, last_seen_at, expires_at, family_nonce, token_hash,
   rotated_at, client_address, user_agent, second_factor, stepped_up_at)
VALUES ($1, $2, $3, now(), now(), now() + make_interval(days => $4), $5, $6, now(), $7, $8, $9, now())
RETURNING session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent,
          second_factor, generation, family_nonce, token_hash, rotated_at
