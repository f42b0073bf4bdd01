SELECT practitioner_id AS id, facility_id, availability AS state, version
FROM availability WHERE practitioner_id = ANY ($1)
