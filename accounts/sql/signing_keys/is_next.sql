SELECT EXISTS (
  SELECT FROM accounts.signing_keys WHERE verify_until > now() AND not_before > now()
) AS enough
