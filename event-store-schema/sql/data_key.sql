SELECT master_key_id, wrapped FROM keys.data_keys WHERE subject_id = $1
