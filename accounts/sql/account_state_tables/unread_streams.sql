SELECT stream_id, min(position) AS first_position FROM accounts.unread_events GROUP BY stream_id
