SELECT position FROM notifications.read_besides WHERE user_id = $1
