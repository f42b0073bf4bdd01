-- They stay ended when the account is reinstated.
UPDATE accounts.sessions SET ended_at = now(), end_reason = 'suspended' WHERE user_id = $1 AND ended_at IS NULL
