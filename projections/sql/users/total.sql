SELECT count(*)
FROM read_model.users
WHERE facility_id = $1 AND role = ANY ($2) AND status = ANY ($3)
  AND NOT EXISTS (SELECT FROM unnest($4::text[]) word WHERE strpos(words, ' ' || word) = 0)
