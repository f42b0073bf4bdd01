CREATE INDEX appointments_by_time ON appointments (facility_id, starts, appointment_id);
-- With all that the search for free slots asks of the appointments of a month.
CREATE INDEX appointments_of_practitioner ON appointments (facility_id, practitioner_id, starts, appointment_id)
    INCLUDE (ends, held_until, takes_time, in_parts);
CREATE INDEX appointments_of_patient ON appointments (facility_id, patient_id, starts, appointment_id);
CREATE INDEX appointments_of_series ON appointments (facility_id, series_id, starts) WHERE series_id IS NOT NULL;
CREATE INDEX appointments_of_link ON appointments (facility_id, link_id) WHERE link_id IS NOT NULL;
