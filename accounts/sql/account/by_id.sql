SELECT user_id, facility_id, login_hash, role, rpps_number, adeli_number, status, password_hash
FROM accounts.credentials WHERE user_id = $1
