-- Row-level security then shows the rows of this facility alone, until the transaction ends.
SELECT set_config('medicalpro.facility_id', $1, true)
