SELECT position FROM read_model.notifications WHERE facility_id = $1 AND notification_id = $2
