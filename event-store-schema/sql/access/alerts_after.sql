SELECT alert_position, alert_facility, alert_actor, alert_role, alert_patient, alert_resource FROM audit.alerts_after($1)
