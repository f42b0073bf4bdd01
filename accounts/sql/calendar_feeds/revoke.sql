DELETE FROM accounts.calendar_feeds WHERE facility_id = $1 AND practitioner_id = $2
