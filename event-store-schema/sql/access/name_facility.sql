-- Names the practice whose rows the transaction may see.
SELECT set_config('medicalpro.facility_id', $1, true)
