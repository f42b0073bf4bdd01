INSERT INTO keys.secrets (name, master_key_id, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
