UPDATE messaging.reminder_messages SET next_try = $2 WHERE message_id = ANY($1) AND state = 'planned'
