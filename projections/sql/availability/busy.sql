-- What takes time of practitioners between two instants: of those visits that are one stretch its ends, of the others all of
-- the slot. The times of one visit lie within 31 days.
SELECT practitioner_id,
       array_agg(starts) FILTER (WHERE NOT appointment -> 'slot' ? 'additionalSlots') AS starts,
       array_agg(ends) FILTER (WHERE NOT appointment -> 'slot' ? 'additionalSlots') AS ends,
       array_agg(appointment -> 'slot') FILTER (WHERE appointment -> 'slot' ? 'additionalSlots') AS slots
FROM read_model.appointments
WHERE facility_id = $1 AND practitioner_id = ANY ($2)
  AND starts >= $3::timestamptz - interval '31 days' AND starts < $4 AND ends > $3
  AND status NOT IN ('released', 'cancelled', 'no_show') AND (held_until IS NULL OR held_until > $5)
GROUP BY practitioner_id
