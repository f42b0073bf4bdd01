SELECT set_config('medicalpro.facility_id', $1, true)
