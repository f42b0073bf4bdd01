SELECT EXISTS (
  SELECT FROM accounts.sessions
  WHERE session_id = $1 AND ended_at IS NULL AND stepped_up_at > now() - make_interval(secs => $2::float8)
) AS stepped_up
