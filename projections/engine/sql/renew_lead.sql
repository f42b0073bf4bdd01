UPDATE read_model.checkpoints SET leased_until = clock_timestamp() + interval '5 seconds'
WHERE projection = $1 AND epoch = $2
