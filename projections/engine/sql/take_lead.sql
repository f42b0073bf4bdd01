-- Takes the lead of a checkpoint, if nobody has it: the lease has run out, or the session that took this epoch has ended,
-- and its lock with it. A row that is locked is being moved by a leader that lives, or by a rebuild.
WITH free AS (
    SELECT projection
    FROM read_model.checkpoints
    WHERE projection = $1 AND version = $2::bigint
      AND (leased_until IS NULL OR leased_until < clock_timestamp()
           OR pg_try_advisory_xact_lock(hashtextextended('lead ' || projection || ' ' || epoch, 0)))
    FOR UPDATE SKIP LOCKED
)
UPDATE read_model.checkpoints c
SET epoch = c.epoch + 1, leased_until = clock_timestamp() + interval '5 seconds'
FROM free
WHERE c.projection = free.projection
RETURNING c.epoch, c.position, pg_advisory_lock(hashtextextended('lead ' || c.projection || ' ' || c.epoch, 0))
