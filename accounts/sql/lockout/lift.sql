-- $1: the accounts of the user, as they are counted. $2: the user, whose places and devices are counted on their own.
DELETE FROM accounts.login_attempts
WHERE bucket = ANY($1) OR bucket IN (SELECT place_hash FROM accounts.known_places WHERE user_id = $2)
