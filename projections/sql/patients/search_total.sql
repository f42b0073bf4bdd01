-- How many patients the walks from $2 to before $3 find, each counted up to $7.
SELECT sum(found.patients)::bigint
FROM unnest($2::text[], $3::text[]) walk(least, bound)
CROSS JOIN LATERAL (
    SELECT count(*) AS patients FROM (
        SELECT FROM read_model.patient_terms t
        WHERE t.facility_id = $1 AND t.place >= walk.least AND t.place < walk.bound
          AND t.shared < $4
          AND t.place LIKE ALL ($5::text[])
          AND (cardinality($6::text[]) = 0 OR (
              SELECT NOT EXISTS (SELECT FROM unnest($6::text[]) code WHERE strpos(p.codes, code) = 0)
              FROM read_model.patients p
              WHERE p.patient_id = t.patient_id))
        LIMIT $7
    ) matches
) found
