WITH void AS (
  DELETE FROM accounts.one_time_links WHERE user_id = $2 OR expires_at < now() - interval '30 days'
)
INSERT INTO accounts.one_time_links (token_hash, user_id, purpose, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4::float8))
RETURNING expires_at
