SELECT facility_id AS id, facility_id, facility AS state, version, NULL::timestamptz AS created_at
FROM facilities WHERE facility_id = ANY ($1)
