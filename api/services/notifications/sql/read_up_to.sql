SELECT position FROM notifications.read_up_to WHERE user_id = $1
