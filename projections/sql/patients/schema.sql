CREATE TABLE patients (
    facility_id uuid NOT NULL,
    patient_id uuid PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    -- Without accents and case; the greatest character once the name is erased.
    last_name_key text COLLATE "C" NOT NULL,
    first_name_key text COLLATE "C" NOT NULL,
    -- Number, birth date, telephone and e-mail as the search knows them, each behind a space.
    codes text NOT NULL,
    -- First name first; none once it is erased.
    name text,
    -- The patient and the line of the patient in lists, as they are sent. json keeps the text as it was written.
    document json NOT NULL,
    summary json NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Where patients are found. A place is one text, in whose order they are: the first letter of the status, the beginning of
-- another word that the term stands beside (empty for none), the term (a word of the names, or a code behind a '#'), last
-- name, first name. Between them stands U+0001, and a space before each word of the names.
CREATE TABLE patient_terms (
    facility_id uuid NOT NULL,
    place text COLLATE "C" NOT NULL,
    patient_id uuid NOT NULL,
    -- How many bytes the term has in common with a smaller term of the patient beside the same.
    shared smallint NOT NULL
);

-- How many patients there are whose last name begins so; and with which shorter beginning it is counted there as well. A
-- name that is not longer than the beginning has U+0001 behind it.
CREATE TABLE patient_counts (
    facility_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    above text COLLATE "C" NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    patients bigint NOT NULL,
    PRIMARY KEY (facility_id, status, above, prefix)
);
