UPDATE accounts.credentials SET status = $2 WHERE user_id = $1
