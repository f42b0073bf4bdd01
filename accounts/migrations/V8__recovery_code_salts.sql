-- Recovery codes are hashed as passwords are: argon2id, with a salt for each set of codes. Those without a salt were made before,
-- and are plain SHA-256 until their owner makes others.
ALTER TABLE accounts.recovery_codes ADD COLUMN salt bytea CHECK (octet_length(salt) = 16);
