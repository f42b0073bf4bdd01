SELECT count(*)
FROM read_model.waiting_list
WHERE facility_id = $1 AND status = ANY ($2) AND ($3::uuid IS NULL OR patient_id = $3)
  AND ($4::uuid IS NULL OR $4 = ANY (practitioner_ids))
