SELECT facility_id, waiting_id, offer_id
FROM read_model.waiting_list
WHERE answer_by <= $1
ORDER BY answer_by
LIMIT 100
