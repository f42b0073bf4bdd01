UPDATE accounts.signing_keys
SET not_before = least(not_before, now()), sign_until = least(sign_until, now()), verify_until = now()
WHERE verify_until > now()
