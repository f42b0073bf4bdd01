-- From $2 on the key $1 signs. The others verify for $3 more seconds.
UPDATE accounts.signing_keys
SET sign_until = least(sign_until, $2),
    verify_until = least(verify_until, $2 + make_interval(secs => $3::float8))
WHERE kid <> $1 AND sign_until > $2
