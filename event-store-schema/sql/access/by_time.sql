-- Every access of the practice, newest first.
SELECT position, at, actor_id, role, session_id, client_address, request_id, deed, resource_type, resource_id, patient_id,
       purpose, reason, result
FROM audit.access
WHERE facility_id = $1 AND (at, position) < ($2, $3) AND at >= $4
ORDER BY at DESC, position DESC LIMIT $5
