-- The log as the crate postgres-es reads it: for tools of that ecosystem, and as a way out of this house.
--
-- Only events without a subject are there: personal content cannot be read without the keys, and these readers have none.
-- An aggregate's id is the whole name of its stream, so that the log's own index finds it: facility-0198c1f0-…
-- cqrs-es wraps the content in the event's type, and knows metadata as a map of texts: what is not one is its JSON.
CREATE VIEW log.postgres_es_events WITH (security_invoker = true) AS
SELECT left(stream_id, -37) AS aggregate_type,
       stream_id AS aggregate_id,
       stream_version AS sequence,
       event_type,
       schema_version::text AS event_version,
       json_build_object(event_type, payload) AS payload,
       (SELECT coalesce(json_object_agg(key, value), '{}') FROM json_each_text(metadata)) AS metadata
FROM log.events
WHERE subject_id IS NULL;

COMMENT ON VIEW log.postgres_es_events IS 'Read-only, and without personal data; writing there would pass by the rules of the log.';

-- A simple view would otherwise let INSERTs through, with the caller's own privileges on log.events. This one has columns
-- that are computed, so they are refused anyway; the privilege is not given either.
GRANT SELECT ON log.postgres_es_events TO medicalpro_app;
