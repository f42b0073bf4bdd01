-- All of a user but one.
UPDATE accounts.sessions SET ended_at = now(), end_reason = $3
WHERE user_id = $1 AND session_id IS DISTINCT FROM $2 AND ended_at IS NULL AND expires_at > now()
RETURNING session_id, user_id, facility_id, created_at, last_seen_at, expires_at, client_address, user_agent,
          second_factor, generation, family_nonce, token_hash, rotated_at
