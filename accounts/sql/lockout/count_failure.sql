-- $1 and $2: the buckets, and how many failures are free in each. $3 and $4: the first and the longest lock, in seconds.
-- In one step, so that simultaneous guesses all count. In one order, so that they never wait for each other in a circle.
INSERT INTO accounts.login_attempts AS attempts (bucket, failed_count, last_failed_at)
SELECT bucket, 1, now() FROM unnest($1::bytea[], $2::int[]) counted (bucket, free) ORDER BY bucket
ON CONFLICT (bucket) DO UPDATE SET
  failed_count = attempts.failed_count + 1,
  last_failed_at = now(),
  locked_until = (
    SELECT CASE WHEN attempts.failed_count + 1 >= free THEN
      now() + make_interval(secs =>
        least($4::float8, $3::float8 * power(2, least(attempts.failed_count + 1 - free, 20))))
    END
    FROM unnest($1::bytea[], $2::int[]) counted (bucket, free)
    WHERE counted.bucket = attempts.bucket)
RETURNING bucket, extract(epoch FROM locked_until - now())::float8 AS locked_seconds
