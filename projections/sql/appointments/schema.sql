CREATE TABLE appointments (
    facility_id uuid NOT NULL,
    appointment_id uuid PRIMARY KEY,
    practitioner_id uuid NOT NULL,
    -- None of a slot that is kept, and of one that was given back.
    patient_id uuid,
    room_id uuid,
    series_id uuid,
    -- What was booked together with it.
    link_id uuid,
    starts timestamptz NOT NULL,
    -- When its last time ends.
    ends timestamptz NOT NULL,
    -- Whether there is free time between its times.
    in_parts boolean NOT NULL,
    status text COLLATE "C" NOT NULL,
    -- Whether nobody else can have its time; that of a slot which is kept only for a while.
    takes_time boolean NOT NULL,
    type text COLLATE "C",
    -- From when on a slot that is kept is free.
    held_until timestamptz,
    -- Title and reason as the search knows them, each word behind a space.
    words text NOT NULL,
    -- The aggregate, as its events tell it up to this version.
    appointment jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
    -- What is taken is read from an index alone, where autovacuum has been since a row was written: it comes when a fiftieth of
    -- the rows is new, not a fifth.
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
