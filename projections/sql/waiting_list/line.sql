-- Who may still be offered something on or after a day, and who is being offered something, first in line first.
SELECT waiting_id, urgency, joined, entry, version, created_at, updated_at
FROM read_model.waiting_list
WHERE facility_id = $1 AND (status = 'offered' OR (status = 'waiting' AND latest >= $2))
ORDER BY urgency, joined
