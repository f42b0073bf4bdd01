DELETE FROM accounts.refused_logins WHERE hour < now() - interval '1 year'
