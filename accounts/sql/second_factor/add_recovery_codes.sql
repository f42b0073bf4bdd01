INSERT INTO accounts.recovery_codes (user_id, code_hash, salt) SELECT $1, unnest($2::bytea[]), $3
