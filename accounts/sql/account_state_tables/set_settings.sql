INSERT INTO accounts.practices (facility_id, settings) VALUES ($1, $2)
ON CONFLICT (facility_id) DO UPDATE SET settings = excluded.settings
