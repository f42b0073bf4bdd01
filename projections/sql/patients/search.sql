-- A walk through the places from $2 to before $3, of each status, on from after the place $7 of the patient $8 ('' for
-- none), which has no mark of a status. A patient is taken at the smallest of their matching terms ($4 is the word's
-- length), if the other words begin one of their names ($5) or codes ($6).
-- (The codes are a scalar subquery: of an EXISTS, PostgreSQL may make a hash of all patients first.)
WITH page AS (
    SELECT found.*
    FROM unnest($2::text[], $3::text[]) walk(least, bound)
    CROSS JOIN LATERAL (
        SELECT substr(t.place, 2) AS place, t.patient_id
        FROM read_model.patient_terms t
        WHERE t.facility_id = $1
          AND (t.place, t.patient_id) > (CASE $7 WHEN '' THEN walk.least ELSE left(walk.least, 1) || $7 END, $8::uuid)
          AND t.place < walk.bound
          AND t.shared < $4
          AND t.place LIKE ALL ($5::text[])
          AND (cardinality($6::text[]) = 0 OR (
              SELECT NOT EXISTS (SELECT FROM unnest($6::text[]) code WHERE strpos(p.codes, code) = 0)
              FROM read_model.patients p
              WHERE p.patient_id = t.patient_id))
        ORDER BY t.place, t.patient_id
        LIMIT $9::bigint + $10::bigint
    ) found
    ORDER BY found.place, found.patient_id
    OFFSET $9
    LIMIT $10
)
SELECT p.patient_id, p.version, p.summary
FROM page
JOIN read_model.patients p USING (patient_id)
ORDER BY page.place, page.patient_id
