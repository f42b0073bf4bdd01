-- Arrays of arrays do not unnest row by row, so practitioners travel as JSON.
INSERT INTO waiting_list (facility_id, waiting_id, patient_id, status, urgency, joined, latest, practitioner_ids, offer_id,
                          answer_by, untold, entry, version, created_at, updated_at)
SELECT facility_id, waiting_id, patient_id, status, urgency, joined, latest,
       ARRAY(SELECT jsonb_array_elements_text(practitioners)::uuid), offer_id, answer_by, untold, entry, version,
       created_at, updated_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[], $6::bigint[], $7::date[], $8::jsonb[],
            $9::uuid[], $10::timestamptz[], $11::boolean[], $12::jsonb[], $13::bigint[], $14::timestamptz[], $15::timestamptz[])
     AS new (facility_id, waiting_id, patient_id, status, urgency, joined, latest, practitioners, offer_id, answer_by,
             untold, entry, version, created_at, updated_at)
ON CONFLICT (waiting_id) DO UPDATE
SET status = excluded.status, urgency = excluded.urgency, latest = excluded.latest,
    practitioner_ids = excluded.practitioner_ids, offer_id = excluded.offer_id, answer_by = excluded.answer_by,
    untold = excluded.untold, entry = excluded.entry, version = excluded.version, updated_at = excluded.updated_at
