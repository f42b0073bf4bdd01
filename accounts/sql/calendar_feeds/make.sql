INSERT INTO accounts.calendar_feeds (practitioner_id, facility_id, secret_hash, created_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT (practitioner_id) DO UPDATE
  SET facility_id = excluded.facility_id, secret_hash = excluded.secret_hash,
      created_at = excluded.created_at, created_by = excluded.created_by, ended_at = NULL
RETURNING facility_id, practitioner_id, created_at, created_by, ended_at
