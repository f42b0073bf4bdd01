SELECT waiting_id AS id, facility_id, entry AS state, version, created_at
FROM waiting_list WHERE waiting_id = ANY ($1)
