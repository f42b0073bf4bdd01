SELECT DISTINCT stream_id FROM accounts.unread_events
