SELECT coalesce(sum(patients), 0)::bigint
FROM read_model.patient_counts
WHERE facility_id = $1 AND status = ANY ($2) AND above = ''
