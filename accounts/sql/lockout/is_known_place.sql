SELECT EXISTS (
  SELECT FROM accounts.known_places WHERE place_hash = $1 AND last_used_at > now() - interval '90 days'
) AS known
