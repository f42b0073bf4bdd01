CREATE TABLE users (
    facility_id uuid NOT NULL,
    user_id uuid PRIMARY KEY,
    role text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    -- Without accents and case; the greatest character once the name is erased.
    last_name_key text COLLATE "C" NOT NULL,
    first_name_key text COLLATE "C" NOT NULL,
    -- Names, e-mail and numbers as the search knows them, each behind a space.
    words text NOT NULL,
    -- First name first; none once it is erased.
    name text,
    -- As it is sent. json keeps the text as it was written.
    document json NOT NULL,
    -- The aggregate, as its events tell it up to this version.
    account jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
-- A practice has tens of people, a clinic hundreds: they are sorted and searched one by one.
CREATE INDEX users_of_facility ON users (facility_id);
