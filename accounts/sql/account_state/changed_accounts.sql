SELECT user_id, role, status FROM accounts.credentials WHERE changed_in >= $1::text::xid8
