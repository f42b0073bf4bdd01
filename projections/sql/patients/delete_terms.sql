DELETE FROM patient_terms t
USING unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])
      old(facility_id, status, term, last_name_key, first_name_key, patient_id)
WHERE t.facility_id = old.facility_id AND t.status = old.status AND t.term = old.term
  AND t.last_name_key = old.last_name_key AND t.first_name_key = old.first_name_key AND t.patient_id = old.patient_id
