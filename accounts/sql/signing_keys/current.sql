SELECT kid, secret_name, not_before, sign_until, verify_until FROM accounts.signing_keys
WHERE verify_until > now() ORDER BY not_before, kid
