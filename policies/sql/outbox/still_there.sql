SELECT message_id::text AS message_id FROM messaging.reminder_messages WHERE message_id::text = ANY($1)
