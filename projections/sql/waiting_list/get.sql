SELECT waiting_id, urgency, joined, entry, version, created_at, updated_at
FROM read_model.waiting_list
WHERE facility_id = $1 AND waiting_id = $2
