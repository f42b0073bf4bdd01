DELETE FROM accounts.unread_events WHERE stream_id = $1
