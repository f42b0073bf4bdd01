UPDATE read_model.checkpoints
SET position = $5, leased_until = clock_timestamp() + interval '5 seconds', stopped_position = NULL, stopped_reason = NULL,
    updated_at = now()
WHERE projection = $1 AND version = $2::bigint AND epoch = $3 AND position <= $4
