-- For a leader's session, so that no batch has to. A batch is on disk before anybody is told that the read model shows it:
-- whoever wrote and was answered must not read an older state after a crash of the database. Plans are made once, not for
-- each batch, which takes longer than carrying them out; and since tables may be small then, plans must not become scans.
SET ROLE medicalpro_projector;
SET search_path = read_model, public;
SET synchronous_commit = on;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off
