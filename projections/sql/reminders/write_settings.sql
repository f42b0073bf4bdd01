INSERT INTO reminder_settings (facility_id, settings)
SELECT * FROM unnest($1::uuid[], $2::jsonb[])
ON CONFLICT (facility_id) DO UPDATE SET settings = excluded.settings
