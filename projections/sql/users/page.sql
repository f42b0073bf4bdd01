-- The page after somebody ($5 at version $6), or after so many ($7) if they have changed since or nobody is named.
WITH place AS (
    SELECT last_name_key, first_name_key, user_id
    FROM read_model.users
    WHERE facility_id = $1 AND user_id = $5 AND version = $6
)
SELECT user_id, document, version
FROM read_model.users u
WHERE facility_id = $1 AND role = ANY ($2) AND status = ANY ($3)
  AND NOT EXISTS (SELECT FROM unnest($4::text[]) word WHERE strpos(words, ' ' || word) = 0)
  AND NOT EXISTS (
      SELECT FROM place p
      WHERE (u.last_name_key, u.first_name_key, u.user_id) <= (p.last_name_key, p.first_name_key, p.user_id))
ORDER BY last_name_key, first_name_key, user_id
OFFSET (SELECT CASE WHEN EXISTS (SELECT FROM place) THEN 0 ELSE $7::bigint END)
LIMIT $8
