CREATE TABLE facilities (
    facility_id uuid PRIMARY KEY,
    -- The aggregate, as its events tell it up to this version.
    facility jsonb NOT NULL,
    version bigint NOT NULL
);
