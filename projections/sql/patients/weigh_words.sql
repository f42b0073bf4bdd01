-- How many terms begin with each word, counted up to $5 in each status.
SELECT sum(found.terms)::bigint
FROM unnest($3::text[], $4::text[]) WITH ORDINALITY word(least, bound, place)
CROSS JOIN unnest($2::text[]) wanted(status)
CROSS JOIN LATERAL (
    SELECT count(*) AS terms FROM (
        SELECT FROM read_model.patient_terms t
        WHERE t.facility_id = $1 AND t.status = wanted.status AND t.term >= word.least AND t.term < word.bound
        LIMIT $5
    ) beginning
) found
GROUP BY word.place
ORDER BY word.place
