-- A leader that froze in the middle of a batch must lose its transaction, and with it the lock on the checkpoint's row.
SET idle_in_transaction_session_timeout = '5s'
