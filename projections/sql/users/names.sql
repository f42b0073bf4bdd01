SELECT user_id, name FROM read_model.users WHERE facility_id = $1 AND user_id = ANY ($2) AND name IS NOT NULL
