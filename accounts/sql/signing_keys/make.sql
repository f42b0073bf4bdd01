-- $4: for how many seconds it is published before it signs, unless it is the only one. $5 and $6: for how many days it
-- signs, and for how many seconds it verifies after that.
INSERT INTO accounts.signing_keys (kid, secret_name, public_key, not_before, sign_until, verify_until)
SELECT $1, $2, $3, start, start + make_interval(days => $5),
       start + make_interval(days => $5, secs => $6::float8)
FROM (SELECT now() + CASE WHEN EXISTS (SELECT FROM accounts.signing_keys WHERE sign_until > now())
                     THEN make_interval(secs => $4::float8) ELSE interval '0' END AS start) AS new_key
ON CONFLICT (kid) DO NOTHING
RETURNING kid, not_before
