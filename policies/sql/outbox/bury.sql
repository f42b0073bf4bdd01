DELETE FROM messaging.reminder_messages WHERE message_id = $1
