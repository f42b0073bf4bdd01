SELECT stream_id FROM log.key_reservations
WHERE kind = $1 AND scope = $2 AND key = $3
ORDER BY stream_id
