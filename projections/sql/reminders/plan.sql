SELECT plan FROM read_model.reminder_plans WHERE facility_id = $1 AND appointment_id = $2
