SELECT EXISTS (
  SELECT FROM accounts.one_time_links
  WHERE user_id = $1 AND used_at IS NULL AND created_at > now() - make_interval(secs => $2::float8)
) AS lately
