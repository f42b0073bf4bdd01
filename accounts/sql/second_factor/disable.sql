WITH codes AS (DELETE FROM accounts.recovery_codes WHERE user_id = $1),
     gone AS (DELETE FROM accounts.second_factors WHERE user_id = $1 RETURNING enabled_at)
SELECT EXISTS (SELECT FROM gone WHERE enabled_at IS NOT NULL) AS was_enabled
