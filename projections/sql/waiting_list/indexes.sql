CREATE INDEX waiting_list_line ON waiting_list (facility_id, urgency, joined);
CREATE INDEX waiting_list_of_patient ON waiting_list (facility_id, patient_id);
CREATE INDEX waiting_list_lapsing ON waiting_list (answer_by) WHERE answer_by IS NOT NULL;
CREATE INDEX waiting_list_untold ON waiting_list (answer_by) WHERE untold;
