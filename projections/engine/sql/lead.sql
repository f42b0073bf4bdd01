-- A leader that froze in the middle of a batch must lose its transaction, and with it the lock on the checkpoint's row.
SET idle_in_transaction_session_timeout = '5s';
-- Leases, and a checkpoint that moves past events that change nothing, may be lost in a crash: the log still has the events.
-- Who applies events says otherwise for its session.
SET synchronous_commit = off
