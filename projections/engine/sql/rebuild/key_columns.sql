-- The columns of a table's primary key that name a row without saying anything of a person: ids.
SELECT a.attname::text
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND a.atttypid = 'uuid'::regtype
ORDER BY a.attnum
