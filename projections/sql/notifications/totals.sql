SELECT count(*) AS total, count(*) FILTER (WHERE position > $2 AND position <> ALL ($3::bigint[])) AS unread
FROM read_model.notifications
WHERE facility_id = $1
