-- Who has read which notification. It does not follow from the log, and nothing is lost with it but that somebody reads
-- something twice: an ordinary table. A notification is known by the position of the event that it tells of, which a read
-- model that is made anew keeps.
CREATE SCHEMA notifications;

-- Everything up to here.
CREATE TABLE notifications.read_up_to (
    facility_id uuid NOT NULL,
    user_id     uuid NOT NULL,
    position    bigint NOT NULL CHECK (position >= 0),
    PRIMARY KEY (facility_id, user_id)
);

-- And these besides.
CREATE TABLE notifications.read_besides (
    facility_id uuid NOT NULL,
    user_id     uuid NOT NULL,
    position    bigint NOT NULL CHECK (position >= 0),
    PRIMARY KEY (facility_id, user_id, position)
);

ALTER TABLE notifications.read_up_to ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications.read_besides ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_facility ON notifications.read_up_to TO medicalpro_app
    USING (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid)
    WITH CHECK (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid);
CREATE POLICY own_facility ON notifications.read_besides TO medicalpro_app
    USING (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid)
    WITH CHECK (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid);

GRANT USAGE ON SCHEMA notifications TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE ON notifications.read_up_to TO medicalpro_app;
GRANT SELECT, INSERT, DELETE ON notifications.read_besides TO medicalpro_app;
