-- Moves the checkpoints of leaders whose last events changed nothing, each only as long as its leader leads. What comes back
-- has moved, or is led by somebody else; a row that is locked is being moved by a batch, a rebuild or a campaign.
WITH owed AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) o(projection, version, epoch, position)
), free AS (
    SELECT c.projection FROM read_model.checkpoints c JOIN owed o USING (projection)
    WHERE c.version = o.version AND c.epoch = o.epoch
    FOR UPDATE OF c SKIP LOCKED
), moved AS (
    UPDATE read_model.checkpoints c
    SET position = greatest(c.position, o.position), leased_until = clock_timestamp() + interval '5 seconds', updated_at = now()
    FROM owed o JOIN free USING (projection)
    WHERE c.projection = o.projection AND c.version = o.version AND c.epoch = o.epoch
    RETURNING c.projection
)
SELECT projection, false AS fenced FROM moved
UNION ALL
SELECT c.projection, true FROM read_model.checkpoints c JOIN owed o USING (projection)
WHERE c.version <> o.version OR c.epoch <> o.epoch
