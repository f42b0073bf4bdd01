INSERT INTO notifications (facility_id, notification_id, position, kind, resource_type, resource_id, patient_id,
                           appointment_id, practitioner_id, count, recorded_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[],
                     $9::uuid[], $10::integer[], $11::timestamptz[])
