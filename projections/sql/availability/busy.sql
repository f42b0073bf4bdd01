-- What takes time of practitioners between two instants: of visits that are one stretch its ends, of those in parts the slot.
-- The parts of one visit lie within 31 days. Of the others everything is in the index.
SELECT practitioner_id,
       array_agg(starts) FILTER (WHERE NOT in_parts) AS starts,
       array_agg(ends) FILTER (WHERE NOT in_parts) AS ends,
       array_agg((
           SELECT appointment -> 'slot' FROM read_model.appointments WHERE appointment_id = taken.appointment_id
       )) FILTER (WHERE in_parts) AS slots
FROM read_model.appointments taken
WHERE facility_id = $1 AND practitioner_id = ANY ($2)
  AND starts >= $3::timestamptz - interval '31 days' AND starts < $4 AND ends > $3
  AND takes_time AND (held_until IS NULL OR held_until > $5)
GROUP BY practitioner_id
