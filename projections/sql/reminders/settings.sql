SELECT facility_id, settings FROM reminder_settings WHERE facility_id = ANY ($1)
