-- The alerts of all practices after a position. A server passes each on to the users whom it concerns. It holds ids only.
CREATE OR REPLACE FUNCTION audit.alerts_after(after bigint)
RETURNS TABLE (alert_position bigint, alert_facility uuid, alert_actor uuid, alert_role text, alert_patient uuid,
               alert_resource text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT a.position, a.facility_id, a.actor_id, a.role, a.patient_id, a.resource_type
    FROM audit.access a
    WHERE a.deed = 'break_glass' AND a.result = 'granted' AND a.position > after
    ORDER BY a.position LIMIT 1000
$$;
