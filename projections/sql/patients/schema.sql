CREATE TABLE patients (
    facility_id uuid NOT NULL,
    patient_id uuid PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    -- Without accents and case; the greatest character once the name is erased.
    last_name_key text COLLATE "C" NOT NULL,
    first_name_key text COLLATE "C" NOT NULL,
    -- Number, birth date, telephone and e-mail as the search knows them, each behind a space.
    codes text NOT NULL,
    document jsonb NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
-- The order of the list.
CREATE INDEX patients_in_order ON patients (facility_id, status, last_name_key, first_name_key, patient_id);

-- Every word of a patient's names and every code (behind a '#'), in the order of the search's results.
CREATE TABLE patient_terms (
    facility_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    term text COLLATE "C" NOT NULL,
    last_name_key text COLLATE "C" NOT NULL,
    first_name_key text COLLATE "C" NOT NULL,
    patient_id uuid NOT NULL,
    -- How many bytes the term has in common with a smaller term of the patient.
    shared integer NOT NULL,
    PRIMARY KEY (facility_id, status, term, last_name_key, first_name_key, patient_id) INCLUDE (shared)
);

-- How many patients there are: all of them (the empty prefix), and by the first three characters of the last name's key.
CREATE TABLE patient_counts (
    facility_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    patients bigint NOT NULL,
    PRIMARY KEY (facility_id, status, prefix)
);
