-- Whoever treats patients, is not shut out and ever had hours: these, those of a specialty, or all.
SELECT a.practitioner_id, a.availability, a.version, a.updated_at
FROM read_model.availability a
JOIN read_model.users u ON u.user_id = a.practitioner_id
WHERE a.facility_id = $1 AND u.facility_id = $1 AND u.role = ANY ($2) AND u.status <> 'suspended'
  AND ($3::uuid[] IS NULL OR a.practitioner_id = ANY ($3))
  AND ($4::text IS NULL OR u.account -> 'profession' -> 'specialties' ? $4)
ORDER BY u.last_name_key, u.first_name_key, u.user_id
LIMIT $5
