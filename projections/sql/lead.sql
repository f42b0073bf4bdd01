-- A leader that froze in the middle of a batch must lose its transaction, and with it the lock on the checkpoint's row.
SET idle_in_transaction_session_timeout = '5s';
-- A lease that is lost in a crash has run out anyway, and what is applied is still in the log.
SET synchronous_commit = off
