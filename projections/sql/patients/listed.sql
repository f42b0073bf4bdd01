-- What is derived from, in the blocks from $1 to before $2.
SELECT facility_id, patient_id, status, last_name_key, first_name_key, codes
FROM patients
WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', $2::bigint)::tid
