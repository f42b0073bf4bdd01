CREATE INDEX notifications_by_position ON notifications (facility_id, position DESC);
