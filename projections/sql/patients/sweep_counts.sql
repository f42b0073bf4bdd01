DELETE FROM patient_counts c
USING unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) changed(facility_id, status, above, prefix)
WHERE c.facility_id = changed.facility_id AND c.status = changed.status AND c.above = changed.above
  AND c.prefix = changed.prefix AND c.patients = 0
