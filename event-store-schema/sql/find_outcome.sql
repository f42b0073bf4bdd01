SELECT request_hash, stream_id, stream_version, first_position, last_position, recorded_at
FROM log.idempotency_keys
WHERE scope = $1 AND key = $2
