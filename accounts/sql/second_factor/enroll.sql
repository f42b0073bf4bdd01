INSERT INTO accounts.second_factors (user_id, pending_secret, pending_since) VALUES ($1, $2, now())
ON CONFLICT (user_id) DO UPDATE SET pending_secret = $2, pending_since = now()
