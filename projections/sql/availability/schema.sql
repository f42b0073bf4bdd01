CREATE TABLE availability (
    facility_id uuid NOT NULL,
    practitioner_id uuid PRIMARY KEY,
    -- The aggregate, as its events tell it up to this version. What is open in a week is worked out when it is asked for:
    -- stored instants would be wrong as soon as a country changes its clocks otherwise than was expected.
    availability jsonb NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL
);
