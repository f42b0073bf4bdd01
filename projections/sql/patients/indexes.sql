-- The order of the list.
CREATE INDEX patients_in_order ON patients (facility_id, status, last_name_key, first_name_key, patient_id);
-- The order of the search, from which a search reads everything it needs.
ALTER TABLE patient_terms ADD PRIMARY KEY (facility_id, place, patient_id) INCLUDE (shared);
