SELECT EXISTS (
  SELECT FROM accounts.signing_keys WHERE verify_until > now() AND sign_until > now() + interval '1 day'
) AS enough
