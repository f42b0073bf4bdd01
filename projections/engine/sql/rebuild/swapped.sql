UPDATE read_model.checkpoints
SET version = $2, tables = $3, position = $4, stopped_position = NULL, stopped_reason = NULL, updated_at = now()
WHERE projection = $1
