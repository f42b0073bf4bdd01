-- One conditional step: of simultaneous uses of a code, one alone succeeds.
UPDATE accounts.second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2
