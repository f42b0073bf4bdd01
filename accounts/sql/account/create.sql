INSERT INTO accounts.credentials
  (user_id, facility_id, login_hash, password_hash, role, rpps_number, adeli_number, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (user_id) DO NOTHING
