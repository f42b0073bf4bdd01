-- How facilities remind their patients, where they have said so.
CREATE TABLE reminder_settings (
    facility_id uuid PRIMARY KEY,
    settings jsonb NOT NULL
);

-- What reminders have to know of each appointment.
CREATE TABLE reminder_plans (
    facility_id uuid NOT NULL,
    appointment_id uuid PRIMARY KEY,
    starts timestamptz NOT NULL,
    -- Whether the patient is still expected.
    expected boolean NOT NULL,
    plan jsonb NOT NULL
);

-- The list of what is due: one row for each reminder of each appointment.
CREATE TABLE reminders (
    facility_id uuid NOT NULL,
    appointment_id uuid NOT NULL,
    channel text COLLATE "C" NOT NULL,
    minutes_before integer NOT NULL,
    patient_id uuid NOT NULL,
    starts timestamptz NOT NULL,
    -- The day on which it begins, on the practice's wall: those of a day come in one message.
    day date NOT NULL,
    -- From when and until when it is worth sending; never, if it should have come before it was meant.
    due_at timestamptz,
    expires_at timestamptz,
    state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'past', 'sent', 'uncertain', 'failed')),
    PRIMARY KEY (appointment_id, channel, minutes_before)
);
CREATE INDEX reminder_plans_ahead ON reminder_plans (facility_id, starts) WHERE expected;
