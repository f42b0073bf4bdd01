SELECT user_id AS id, facility_id, account AS state, version, created_at
FROM users WHERE user_id = ANY ($1)
