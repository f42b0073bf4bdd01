SELECT user_id FROM accounts.credentials WHERE facility_id = $1 AND role = $2 AND status = 'active' ORDER BY user_id
