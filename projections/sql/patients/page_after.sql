-- The page after a place in the order. Each status has its own stretch of the index: at most a page is read of each.
WITH page AS (
    SELECT found.*
    FROM unnest($2::text[]) wanted(status)
    CROSS JOIN LATERAL (
        SELECT p.last_name_key, p.first_name_key, p.patient_id
        FROM read_model.patients p
        WHERE p.facility_id = $1 AND p.status = wanted.status
          AND (p.last_name_key, p.first_name_key, p.patient_id) > ($3, $4, $5)
        ORDER BY p.last_name_key, p.first_name_key, p.patient_id
        LIMIT $6
    ) found
    ORDER BY found.last_name_key, found.first_name_key, found.patient_id
    LIMIT $6
)
SELECT p.patient_id, p.version, p.summary
FROM page
JOIN read_model.patients p USING (patient_id)
ORDER BY page.last_name_key, page.first_name_key, page.patient_id
