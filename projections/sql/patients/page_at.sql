-- The page after so many patients. From one count to the next finer ones the beginning of the name is found with which
-- it starts; only the patients from there on are counted one by one.
WITH RECURSIVE descent(depth, prefix, before) AS (
    SELECT 0, '' COLLATE "C", $3::bigint
    UNION ALL
    SELECT descent.depth + 1, finer.prefix, finer.before
    FROM descent
    CROSS JOIN LATERAL (
        SELECT counted.prefix, (descent.before - (counted.until - counted.patients))::bigint AS before
        FROM (
            SELECT c.prefix, sum(c.patients) AS patients, sum(sum(c.patients)) OVER (ORDER BY c.prefix) AS until
            FROM read_model.patient_counts c
            WHERE c.facility_id = $1 AND c.status = ANY ($2) AND c.above = descent.prefix
            GROUP BY c.prefix
        ) counted
        WHERE counted.until > descent.before
        ORDER BY counted.prefix
        LIMIT 1
    ) finer
), start AS (
    SELECT rtrim(prefix, U&'\0001') AS prefix, before FROM descent WHERE depth > 0 ORDER BY depth DESC LIMIT 1
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
SELECT p.patient_id, p.version, p.summary
FROM page
JOIN read_model.patients p USING (patient_id)
ORDER BY page.last_name_key, page.first_name_key, page.patient_id
