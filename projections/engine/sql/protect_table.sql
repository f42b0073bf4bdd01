-- {table} is the name of a projection's table on the search path. The setting is '' in a session that had it in an earlier
-- transaction: then no row is visible, as without it.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_facility ON {table} FOR SELECT TO medicalpro_app
    USING (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid);
CREATE POLICY projector ON {table} TO medicalpro_projector USING (true) WITH CHECK (true);
GRANT SELECT ON {table} TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO medicalpro_projector
