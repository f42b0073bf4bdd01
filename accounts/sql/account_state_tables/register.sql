INSERT INTO accounts.credentials (user_id, facility_id, login_hash, role, rpps_number, adeli_number, status)
VALUES ($1, $2, $3, $4, $5, $6, 'active') ON CONFLICT DO NOTHING
