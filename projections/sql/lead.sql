-- A leader that froze must lose its session, and with it the lock that makes it the leader.
SET idle_session_timeout = '20s';
SET idle_in_transaction_session_timeout = '20s'
