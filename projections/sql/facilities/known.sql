SELECT facility_id AS id, facility_id, facility AS state, version FROM facilities WHERE facility_id = ANY ($1)
