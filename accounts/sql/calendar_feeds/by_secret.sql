SELECT facility_id, practitioner_id, created_at, created_by FROM accounts.calendar_feeds
WHERE secret_hash = $1
