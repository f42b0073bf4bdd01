-- The page after so many patients. The counts tell with which beginning of a name it starts; only the patients from
-- there on are counted one by one.
WITH counted AS (
    SELECT prefix, sum(patients) AS patients, sum(sum(patients)) OVER (ORDER BY prefix) AS until
    FROM read_model.patient_counts
    WHERE facility_id = $1 AND status = ANY ($2) AND prefix <> ''
    GROUP BY prefix
), start AS (
    SELECT prefix, ($3::bigint - (until - patients))::bigint AS before
    FROM counted
    WHERE until > $3::bigint
    ORDER BY prefix
    LIMIT 1
), page AS (
    SELECT chosen.*
    FROM start
    CROSS JOIN LATERAL (
        SELECT found.*
        FROM unnest($2::text[]) wanted(status)
        CROSS JOIN LATERAL (
            SELECT p.last_name_key, p.first_name_key, p.patient_id
            FROM read_model.patients p
            WHERE p.facility_id = $1 AND p.status = wanted.status AND p.last_name_key >= start.prefix
            ORDER BY p.last_name_key, p.first_name_key, p.patient_id
            LIMIT start.before + $4
        ) found
        ORDER BY found.last_name_key, found.first_name_key, found.patient_id
        OFFSET start.before
        LIMIT $4
    ) chosen
)
SELECT p.patient_id, p.document ->> 'patientNumber' AS patient_number, p.document ->> 'lastName' AS last_name,
       p.document ->> 'firstName' AS first_name, p.document ->> 'birthDate' AS birth_date,
       p.document ->> 'gender' AS gender, p.document #>> '{contact,phone}' AS phone,
       p.document #>> '{contact,email}' AS email, p.status, p.version, p.updated_at,
       p.document ? 'restricted' AS restricted
FROM page
JOIN read_model.patients p USING (patient_id)
ORDER BY page.last_name_key, page.first_name_key, page.patient_id
