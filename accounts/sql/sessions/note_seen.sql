-- In one order, so that two servers never wait for each other in a circle.
UPDATE accounts.sessions SET last_seen_at = seen.at
FROM (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) ORDER BY 1) seen (id, at)
WHERE session_id = seen.id AND last_seen_at < seen.at
