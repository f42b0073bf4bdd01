SELECT event_id, global_position, recorded_at FROM log.events WHERE stream_id = $1 AND stream_version = $2
