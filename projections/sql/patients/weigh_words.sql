-- How many terms begin with each word, counted up to $5.
SELECT (
    SELECT count(*) FROM (
        SELECT FROM read_model.patient_terms t
        WHERE t.facility_id = $1 AND t.status = ANY ($2) AND t.term >= word.least AND t.term < word.bound
        LIMIT $5
    ) terms
)
FROM unnest($3::text[], $4::text[]) WITH ORDINALITY word(least, bound, place)
ORDER BY word.place
