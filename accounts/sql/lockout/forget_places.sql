DELETE FROM accounts.known_places WHERE user_id = $1
