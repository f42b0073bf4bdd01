-- The checkpoint's row, held until the swap is done, and those of its tables that are there.
SELECT version::bigint AS version, position,
       ARRAY(SELECT name FROM unnest(tables) name WHERE to_regclass('read_model.' || name) IS NOT NULL) AS tables
FROM read_model.checkpoints
WHERE projection = $1
FOR UPDATE
