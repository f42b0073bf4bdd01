SELECT facility ->> 'timeZone' AS time_zone FROM read_model.facilities WHERE facility_id = $1
