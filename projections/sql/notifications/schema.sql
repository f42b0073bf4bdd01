CREATE TABLE notifications (
    facility_id uuid NOT NULL,
    -- The id of the event that it tells of.
    notification_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    resource_id uuid NOT NULL,
    patient_id uuid,
    appointment_id uuid,
    practitioner_id uuid,
    -- How many things it is about, where they are counted.
    count integer,
    recorded_at timestamptz NOT NULL
);
