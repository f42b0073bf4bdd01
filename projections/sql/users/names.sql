SELECT user_id, account, version, created_at, updated_at
FROM read_model.users
WHERE facility_id = $1 AND user_id = ANY ($2)
