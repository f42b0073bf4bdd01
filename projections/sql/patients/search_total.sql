-- How many patients a walk through the terms from $3 to before $4 finds, counted up to $8 in each status. (The status is
-- joined, not compared with `= ANY`: of that PostgreSQL makes a filter, and reads the whole index.)
SELECT sum(found.patients)::bigint
FROM unnest($2::text[]) wanted(status)
CROSS JOIN LATERAL (
    SELECT count(*) AS patients FROM (
        SELECT FROM read_model.patient_terms t
        WHERE t.facility_id = $1 AND t.status = wanted.status
          AND t.term >= $3 AND t.term < $4
          AND t.shared < $5
          AND (' ' || t.last_name_key || ' ' || t.first_name_key) LIKE ALL ($6::text[])
          AND (cardinality($7::text[]) = 0 OR (
              SELECT NOT EXISTS (SELECT FROM unnest($7::text[]) code WHERE strpos(p.codes, code) = 0)
              FROM read_model.patients p
              WHERE p.patient_id = t.patient_id))
        LIMIT $8
    ) matches
) found
