UPDATE messaging.reminder_messages
SET state = 'planned', holder = NULL, handed_over_at = NULL, attempts = $4, last_cause = $5, next_try = $6
WHERE message_id = $1 AND (holder = $3 OR (state = 'planned' AND attempts = $2))
