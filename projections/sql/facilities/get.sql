SELECT name, finess, time_zone, version FROM read_model.facilities WHERE facility_id = $1
