SELECT master_key_id, wrapped FROM keys.secrets WHERE name = $1
