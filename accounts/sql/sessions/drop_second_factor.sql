UPDATE accounts.sessions SET second_factor = false WHERE user_id = $1 AND second_factor
