INSERT INTO accounts.practices (facility_id, permissions) VALUES ($1, $2)
ON CONFLICT (facility_id) DO UPDATE SET permissions = practices.permissions || excluded.permissions
