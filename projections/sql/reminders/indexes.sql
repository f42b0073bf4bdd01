CREATE INDEX reminders_due ON reminders (due_at) WHERE state = 'pending';
CREATE INDEX reminders_of_day ON reminders (patient_id, day) WHERE state = 'pending';
