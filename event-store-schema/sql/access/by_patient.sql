-- Who saw this patient, newest first; of one actor only if $6 names one.
SELECT position, at, actor_id, role, session_id, client_address, request_id, deed, resource_type, resource_id, patient_id,
       purpose, reason, result
FROM audit.access
WHERE facility_id = $1 AND (at, position) < ($2, $3) AND at >= $4 AND patient_id = $5
  AND ($6::uuid IS NULL OR actor_id = $6)
ORDER BY at DESC, position DESC LIMIT $7
