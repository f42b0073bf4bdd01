SELECT facility_id, practitioner_id, created_at, created_by, ended_at FROM accounts.calendar_feeds
WHERE facility_id = $1 AND practitioner_id = $2
