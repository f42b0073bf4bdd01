CREATE TABLE waiting_list (
    facility_id uuid NOT NULL,
    waiting_id uuid PRIMARY KEY,
    patient_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL,
    -- 0 is the most pressing.
    urgency smallint NOT NULL,
    -- The position of the first event: the place in the line, among those that are as pressing.
    joined bigint NOT NULL,
    -- The last day that suits.
    latest date NOT NULL,
    practitioner_ids uuid[] NOT NULL,
    -- Of the offer that is open.
    offer_id uuid,
    answer_by timestamptz,
    -- Whether the patient is still to be told of it.
    untold boolean NOT NULL,
    -- The aggregate, as its events tell it up to this version.
    entry jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
