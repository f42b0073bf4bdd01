INSERT INTO accounts.known_places (place_hash, user_id, last_used_at) VALUES ($1, $2, now())
ON CONFLICT (place_hash) DO UPDATE SET last_used_at = now()
