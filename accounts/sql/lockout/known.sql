-- Which of these places and devices the account logged in from within 90 days.
SELECT place_hash FROM accounts.known_places
WHERE place_hash = ANY($1) AND last_used_at > now() - interval '90 days'
ORDER BY is_device DESC
