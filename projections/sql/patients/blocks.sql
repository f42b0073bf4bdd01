SELECT pg_relation_size('patients') / current_setting('block_size')::bigint
