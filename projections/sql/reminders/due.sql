-- What is due at an instant, the longest first, and beside each of them the reminders that say the same to the same patient
-- for the same day: they come in one message, when the first of them is due. None that is at work already. A reminder is of
-- use for 16 days at most.
WITH due AS (
    SELECT facility_id, appointment_id, patient_id, day, channel, minutes_before, due_at
    FROM read_model.reminders
    WHERE state = 'pending' AND due_at <= $1 AND due_at > $1 - interval '17 days' AND expires_at > $1
      AND NOT ((appointment_id, starts, channel, minutes_before) IN (
          SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::integer[])))
    ORDER BY due_at
    LIMIT $6
)
SELECT r.facility_id, r.appointment_id, r.patient_id, r.starts, r.day, r.channel, r.minutes_before, r.due_at, r.expires_at
FROM read_model.reminders r
WHERE r.state = 'pending' AND r.due_at IS NOT NULL AND r.expires_at > $1
  AND (r.facility_id, r.patient_id, r.day, r.channel, r.minutes_before) IN (
      SELECT facility_id, patient_id, day, channel, minutes_before FROM due)
  AND NOT ((r.appointment_id, r.starts, r.channel, r.minutes_before) IN (
      SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::integer[])))
ORDER BY r.starts, r.appointment_id
