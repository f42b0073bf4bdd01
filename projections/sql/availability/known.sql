SELECT practitioner_id AS id, facility_id, availability AS state, version, NULL::timestamptz AS created_at
FROM availability WHERE practitioner_id = ANY ($1)
