INSERT INTO accounts.unread_events (position, stream_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
