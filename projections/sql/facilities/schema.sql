CREATE TABLE facilities (
    facility_id uuid PRIMARY KEY,
    name text NOT NULL,
    finess text,
    time_zone text NOT NULL,
    version bigint NOT NULL
);
