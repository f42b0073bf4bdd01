-- Events of users and facilities that no server could copy into the tables so far, because its release does not understand
-- them. Until one does, the rows of their streams are behind the log: the user or the facility is closed.
CREATE TABLE accounts.unread_events (
    position  bigint PRIMARY KEY,
    stream_id text NOT NULL
);
GRANT SELECT, INSERT, DELETE ON accounts.unread_events TO medicalpro_app;
