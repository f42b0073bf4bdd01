-- Unless it is read with all that is before a position.
INSERT INTO notifications.read_besides (facility_id, user_id, position)
SELECT $1, $2, $3::bigint
WHERE NOT EXISTS (
  SELECT FROM notifications.read_up_to WHERE facility_id = $1 AND user_id = $2 AND position >= $3)
ON CONFLICT DO NOTHING
