SELECT facility_id, facility, version FROM facilities WHERE facility_id = ANY ($1)
