SELECT facility_id, settings FROM reminder_practices WHERE facility_id = ANY ($1)
