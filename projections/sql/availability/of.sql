SELECT practitioner_id, availability, version, updated_at
FROM read_model.availability
WHERE facility_id = $1 AND ($2::uuid[] IS NULL OR practitioner_id = ANY ($2))
