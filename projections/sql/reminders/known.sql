-- The plans of these appointments, and of all of these practices in which somebody is still expected after an instant: what
-- a practice decides holds for them.
SELECT facility_id, appointment_id, plan FROM reminder_plans
WHERE appointment_id = ANY ($1) OR (expected AND facility_id = ANY ($2) AND starts > $3)
