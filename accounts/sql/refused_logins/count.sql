INSERT INTO accounts.refused_logins AS refused
  (hour, login_hash, client_address, user_id, times, last_cause, last_refused_at, last_request_id)
VALUES (date_trunc('hour', now()), $1, $2, $3, 1, $4, now(), $5)
ON CONFLICT (hour, login_hash, client_address) DO UPDATE SET
  times = refused.times + 1, user_id = excluded.user_id, last_cause = excluded.last_cause,
  last_refused_at = excluded.last_refused_at, last_request_id = excluded.last_request_id
