-- Where or on what the account is known, of this place and this device: logged in within 90 days. A device goes first, for others
-- may be at the same place.
SELECT place_hash FROM accounts.known_places
WHERE place_hash = ANY($1) AND last_used_at > now() - interval '90 days'
ORDER BY is_device DESC LIMIT 1
