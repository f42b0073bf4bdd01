UPDATE read_model.checkpoints SET stopped_position = $3, stopped_reason = $4 WHERE projection = $1 AND epoch = $2
