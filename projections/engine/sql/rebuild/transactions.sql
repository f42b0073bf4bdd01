-- The transactions of this database that are under way, but for our own and for those that wait for us.
SELECT coalesce(array_agg(l.virtualtransaction), '{}')
FROM pg_locks l
JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted
  AND a.datname = current_database() AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
  AND a.pid <> ALL ($1) AND NOT pg_backend_pid() = ANY (pg_blocking_pids(a.pid))
  AND ($2::text[] IS NULL OR l.virtualtransaction = ANY ($2))
