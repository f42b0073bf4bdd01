-- Unless the password was changed meanwhile.
UPDATE accounts.credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2
