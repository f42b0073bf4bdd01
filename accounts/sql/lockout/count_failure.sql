-- $2: how many failures are free. $3 and $4: the first and the longest lock, in seconds.
-- In one step, so that simultaneous guesses all count.
INSERT INTO accounts.login_attempts AS attempts (bucket, failed_count, last_failed_at) VALUES ($1, 1, now())
ON CONFLICT (bucket) DO UPDATE SET
  failed_count = attempts.failed_count + 1,
  last_failed_at = now(),
  locked_until = CASE WHEN attempts.failed_count + 1 >= $2::int THEN
    now() + make_interval(secs =>
      least($4::float8, $3::float8 * power(2, least(attempts.failed_count + 1 - $2::int, 20))))
  END
RETURNING extract(epoch FROM locked_until - now())::float8 AS locked_seconds
