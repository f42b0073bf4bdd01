INSERT INTO read_model.checkpoints (projection, version, tables, position)
VALUES ($1, $2::bigint, $3, $4)
ON CONFLICT (projection) DO NOTHING
