INSERT INTO notifications.read_up_to AS known (facility_id, user_id, position) VALUES ($1, $2, $3)
ON CONFLICT (facility_id, user_id) DO UPDATE SET position = greatest(known.position, excluded.position)
