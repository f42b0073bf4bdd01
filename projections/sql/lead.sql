-- A leader that froze in the middle of a batch must lose its transaction, and with it the lock on the checkpoint's row.
SET idle_in_transaction_session_timeout = '5s';
-- Leases, and a checkpoint that moves past events that change nothing, may be lost in a crash: the log still has the events.
-- A batch that changes a read model says otherwise for itself.
SET synchronous_commit = off
