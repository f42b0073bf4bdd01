SELECT version::bigint AS version, position FROM read_model.checkpoints WHERE projection = $1
