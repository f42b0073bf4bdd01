-- A feed ends with the suspension, the next role or the password reset of whoever made it. It stays as a row, so that
-- somebody who may can take it over, and its address goes on.
ALTER TABLE accounts.calendar_feeds ADD COLUMN ended_at timestamptz;
UPDATE accounts.calendar_feeds SET ended_at = now()
WHERE created_by IN (SELECT user_id FROM accounts.credentials WHERE status = 'suspended');
CREATE INDEX calendar_feeds_by_maker ON accounts.calendar_feeds (created_by);
