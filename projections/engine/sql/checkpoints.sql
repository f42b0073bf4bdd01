SELECT projection, version::bigint, position, stopped_position, stopped_reason FROM read_model.checkpoints
