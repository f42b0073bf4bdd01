SELECT position FROM accounts.standing_progress FOR UPDATE
