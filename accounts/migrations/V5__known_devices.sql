-- A device is known by a token that it got at an earlier login. It is kept like a place: as a keyed hash of account and token.
ALTER TABLE accounts.known_places ADD COLUMN is_device boolean NOT NULL DEFAULT false;
