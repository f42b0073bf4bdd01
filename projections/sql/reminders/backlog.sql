SELECT count(*) AS count, min(due_at) AS since FROM read_model.reminders
WHERE state = 'pending' AND due_at <= $1 AND due_at > $1 - interval '17 days' AND expires_at > $1
