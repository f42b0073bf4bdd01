-- The page after a place in the line: after whoever stands there, whether or not they are there still.
SELECT waiting_id, urgency, joined, entry, version, created_at, updated_at
FROM read_model.waiting_list
WHERE facility_id = $1 AND status = ANY ($2) AND ($3::uuid IS NULL OR patient_id = $3)
  AND ($4::uuid IS NULL OR $4 = ANY (practitioner_ids))
  AND ($5::smallint IS NULL OR (urgency, joined) > ($5, $6::bigint))
ORDER BY urgency, joined
OFFSET $7 LIMIT $8
