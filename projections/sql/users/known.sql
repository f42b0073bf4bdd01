SELECT facility_id, user_id, account, version, created_at, updated_at FROM users WHERE user_id = ANY ($1)
