UPDATE accounts.credentials SET rpps_number = $2, adeli_number = $3 WHERE user_id = $1
