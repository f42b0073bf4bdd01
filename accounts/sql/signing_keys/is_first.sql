SELECT NOT EXISTS (SELECT FROM accounts.signing_keys) AS first
