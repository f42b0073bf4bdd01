SELECT key FROM log.key_reservations
WHERE kind = $1 AND scope = $2 AND key >= $3 AND key < $4
ORDER BY length(key) DESC, key DESC
LIMIT 1
