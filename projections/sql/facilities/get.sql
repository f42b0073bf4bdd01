SELECT facility, version FROM read_model.facilities WHERE facility_id = $1
