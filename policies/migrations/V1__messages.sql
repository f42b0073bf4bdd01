-- Messages that are being sent: what the log cannot say, for it knows what was sent and not what is about to be. A row lives
-- from the moment when a reminder is due until the appointments' events say what became of it. Ids and times only.
CREATE SCHEMA IF NOT EXISTS messaging;
GRANT USAGE ON SCHEMA messaging TO medicalpro_app;

CREATE TABLE messaging.reminder_messages (
    -- From it come the Message-ID of an e-mail and the Idempotency-Key of a text message, the same at every try.
    message_id     uuid PRIMARY KEY,
    facility_id    uuid NOT NULL,
    patient_id     uuid NOT NULL,
    channel        text NOT NULL CHECK (channel IN ('email', 'sms')),
    -- planned: the other side cannot have it. handing_over: it can, until an answer says otherwise.
    state          text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'handing_over')),
    -- How often it was tried, and who hands it over.
    attempts       integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    holder         uuid,
    -- By the clock of reminders; the others are the database's.
    next_try       timestamptz NOT NULL,
    last_cause     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    handed_over_at timestamptz,
    CHECK ((state = 'handing_over') = (holder IS NOT NULL AND handed_over_at IS NOT NULL))
);
CREATE INDEX reminder_messages_by_try ON messaging.reminder_messages (next_try);

-- The reminders in each of them. No reminder of a beginning is in two messages, whoever makes them.
CREATE TABLE messaging.reminders_at_work (
    appointment_id uuid NOT NULL,
    starts         timestamptz NOT NULL,
    channel        text NOT NULL,
    minutes_before integer NOT NULL,
    expires_at     timestamptz NOT NULL,
    message_id     uuid NOT NULL REFERENCES messaging.reminder_messages ON DELETE CASCADE,
    PRIMARY KEY (appointment_id, starts, channel, minutes_before)
);
CREATE INDEX reminders_at_work_of_message ON messaging.reminders_at_work (message_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON messaging.reminder_messages, messaging.reminders_at_work TO medicalpro_app;
