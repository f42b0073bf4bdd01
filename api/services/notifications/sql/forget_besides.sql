DELETE FROM notifications.read_besides WHERE user_id = $1 AND position <= $2
