UPDATE messaging.reminder_messages
SET state = 'handing_over', attempts = attempts + 1, holder = $3, handed_over_at = clock_timestamp()
WHERE message_id = $1 AND state = 'planned' AND attempts = $2
