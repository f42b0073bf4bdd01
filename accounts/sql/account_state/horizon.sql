-- What commits from now on was changed in this transaction or a later one.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
