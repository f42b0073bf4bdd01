SELECT facility_id, practitioner_id, created_at, created_by, ended_at FROM accounts.calendar_feeds
WHERE secret_hash = $1 AND ended_at IS NULL
