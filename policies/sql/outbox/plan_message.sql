INSERT INTO messaging.reminder_messages (message_id, facility_id, patient_id, channel, next_try)
VALUES ($1, $2, $3, $4, $5)
