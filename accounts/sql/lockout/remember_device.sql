-- $3: how many others are kept. A client that keeps no token gets a new one at each login.
WITH others AS (
  DELETE FROM accounts.known_places
  WHERE user_id = $2 AND is_device AND place_hash IN (
    SELECT place_hash FROM accounts.known_places
    WHERE user_id = $2 AND is_device AND place_hash <> $1
    ORDER BY last_used_at DESC OFFSET $3)
)
INSERT INTO accounts.known_places (place_hash, user_id, last_used_at, is_device) VALUES ($1, $2, now(), true)
ON CONFLICT (place_hash) DO UPDATE SET last_used_at = now()
