UPDATE accounts.credentials SET login_hash = $2
WHERE user_id = $1
  AND NOT EXISTS (SELECT FROM accounts.credentials WHERE login_hash = $2 AND user_id <> $1)
