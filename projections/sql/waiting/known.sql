SELECT facility_id, waiting_id, joined, entry, version, created_at, updated_at
FROM waiting_list WHERE waiting_id = ANY ($1)
