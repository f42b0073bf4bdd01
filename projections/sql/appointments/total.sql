SELECT count(*)
FROM read_model.appointments
WHERE facility_id = $1 AND starts < $3 AND starts >= $2
  AND ($4::uuid[] IS NULL OR practitioner_id = ANY ($4)) AND ($5::uuid IS NULL OR patient_id = $5)
  AND ($6::uuid IS NULL OR series_id = $6) AND ($14::uuid IS NULL OR link_id = $14)
  AND status = ANY ($7) AND ($8::text[] IS NULL OR type = ANY ($8))
  AND (held_until IS NULL OR held_until > $9)
  AND NOT EXISTS (SELECT FROM unnest($10::text[]) word WHERE strpos(words, ' ' || word) = 0)
  -- Those ahead of which any time lies in one of these leaves of its practitioner.
  AND ($11::uuid[] IS NULL OR (ends > $9 AND EXISTS (
      SELECT FROM unnest($11, $12::timestamptz[], $13::timestamptz[]) leave(whose, starts, ends)
      WHERE leave.whose = practitioner_id AND leave.starts < appointments.ends AND appointments.starts < leave.ends
        AND (NOT in_parts OR EXISTS (
            SELECT FROM jsonb_to_recordset(appointment -> 'slot' -> 'additionalSlots' || (appointment -> 'slot'))
                AS time("from" timestamptz, until timestamptz)
            WHERE leave.starts < time.until AND time."from" < leave.ends)))))
