UPDATE checkpoints SET position = $4, stopped_position = NULL, stopped_reason = NULL, updated_at = now()
WHERE projection = $1 AND version = $2::bigint AND position = $3
