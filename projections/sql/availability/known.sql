SELECT facility_id, practitioner_id, availability, version FROM availability WHERE practitioner_id = ANY ($1)
