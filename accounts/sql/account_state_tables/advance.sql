UPDATE accounts.standing_progress SET position = $1
