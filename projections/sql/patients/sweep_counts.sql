DELETE FROM patient_counts c
USING unnest($1::uuid[], $2::text[], $3::text[]) changed(facility_id, status, prefix)
WHERE c.facility_id = changed.facility_id AND c.status = changed.status AND c.prefix = changed.prefix
  AND c.patients = 0
