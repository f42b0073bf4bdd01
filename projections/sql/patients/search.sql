-- A walk through the terms that begin with one word ($7 to before $3), on from a place. A patient is taken at the smallest
-- of their matching terms ($4 is the word's length), if the other words begin one of their names ($5) or codes ($6).
-- (The codes are a scalar subquery: of an EXISTS, PostgreSQL may make a hash of all patients first.)
WITH page AS (
    SELECT found.*
    FROM unnest($2::text[]) wanted(status)
    CROSS JOIN LATERAL (
        SELECT t.term, t.last_name_key, t.first_name_key, t.patient_id
        FROM read_model.patient_terms t
        WHERE t.facility_id = $1 AND t.status = wanted.status
          AND t.term < $3 AND (t.term, t.last_name_key, t.first_name_key, t.patient_id) > ($7, $8, $9, $10)
          AND t.shared < $4
          AND (' ' || t.last_name_key || ' ' || t.first_name_key) LIKE ALL ($5::text[])
          AND (cardinality($6::text[]) = 0 OR (
              SELECT NOT EXISTS (SELECT FROM unnest($6::text[]) code WHERE strpos(p.codes, code) = 0)
              FROM read_model.patients p
              WHERE p.patient_id = t.patient_id))
        ORDER BY t.term, t.last_name_key, t.first_name_key, t.patient_id
        LIMIT $11::bigint + $12::bigint
    ) found
    ORDER BY found.term, found.last_name_key, found.first_name_key, found.patient_id
    OFFSET $11
    LIMIT $12
)
SELECT p.patient_id, p.document ->> 'patientNumber' AS patient_number, p.document ->> 'lastName' AS last_name,
       p.document ->> 'firstName' AS first_name, p.document ->> 'birthDate' AS birth_date,
       p.document ->> 'gender' AS gender, p.document #>> '{contact,phone}' AS phone,
       p.document #>> '{contact,email}' AS email, p.status, p.version, p.updated_at,
       p.document ? 'restricted' AS restricted
FROM page
JOIN read_model.patients p USING (patient_id)
ORDER BY page.term, page.last_name_key, page.first_name_key, page.patient_id
