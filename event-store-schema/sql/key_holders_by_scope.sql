SELECT scope, stream_id FROM log.key_reservations
WHERE kind = $1 AND key = $2 AND ($3::uuid IS NULL OR scope = $3)
ORDER BY scope, stream_id
