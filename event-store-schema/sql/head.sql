SELECT coalesce(max(global_position), 0) AS head FROM log.events
