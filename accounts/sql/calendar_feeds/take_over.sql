UPDATE accounts.calendar_feeds SET created_by = $3, ended_at = NULL
WHERE facility_id = $1 AND practitioner_id = $2
RETURNING facility_id, practitioner_id, created_at, created_by, ended_at
