SELECT facility_id, settings, permissions FROM accounts.practices WHERE changed_in >= $1::text::xid8
