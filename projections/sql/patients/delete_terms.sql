DELETE FROM patient_terms t
USING unnest($1::uuid[], $2::text[], $3::uuid[]) old(facility_id, place, patient_id)
WHERE t.facility_id = old.facility_id AND t.place = old.place AND t.patient_id = old.patient_id
