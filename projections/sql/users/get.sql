SELECT user_id, document, version FROM read_model.users WHERE facility_id = $1 AND user_id = $2
