SELECT facility_id, waiting_id, offer_id
FROM read_model.waiting_list
WHERE untold AND answer_by > $1
ORDER BY answer_by
LIMIT 100
