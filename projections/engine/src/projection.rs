//! What a read model is: tables, and how events change them. The [runner](crate::Projections) does the rest.

use domain::event::{RecordedEvent, UnreadableEvent};
use domain::ids::Position;
use event_store_schema::{DatabaseError, LogError};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio_postgres::error::SqlState;

pub use deadpool_postgres::Transaction;

use crate::reading::is_unreadable;
use crate::stored::Malformed;

/// A read model. Its tables follow from its events alone, so they can be dropped and filled again at any time.
///
/// All names in SQL are unqualified. The engine sets the `search_path`, so the same code fills the live tables and, during a
/// rebuild, those of another schema.
pub trait Projection: Send + Sync + 'static {
    /// The name. It never changes, because the checkpoint is found by it.
    fn name(&self) -> &'static str;

    /// The version of the tables and of what the code makes of events. If either changes, it is raised: the tables are then
    /// filled from the beginning. A test compares it with the events that are taken (`versions.json`).
    fn version(&self) -> u32;

    /// Its tables. Each has a column `facility_id`, by which row-level security keeps practices apart.
    fn tables(&self) -> &'static [&'static str];

    /// The SQL that creates the tables, with the indexes that [`load`](Self::load) needs.
    fn schema(&self) -> &'static str;

    /// The SQL that creates all other indexes. It runs after the tables are filled, which is many times faster.
    fn indexes(&self) -> &'static str {
        ""
    }

    /// Whether events of this type change it.
    fn takes(&self, event_type: &str) -> bool;

    /// Whether readers wait for the read model, and writers do not. That is for one that changes far more often than it is
    /// read. Its events are gathered for a moment, into fewer and larger batches.
    fn is_awaited_by_readers(&self) -> bool {
        false
    }

    /// Applies `events` to the tables: events that it takes, in log order, each once.
    ///
    /// A batch may hold a thousand events. It is folded in memory and written with a few set-based statements.
    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>>;

    /// The same as [`apply`](Self::apply), to tables that are filled for the first time and that no query reads. They have
    /// no [`indexes`](Self::indexes) yet, and nothing that [`derive`](Self::derive) makes.
    fn load<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        self.apply(events, tx)
    }

    /// Fills a share of the tables that follow from the loaded ones. All shares are made at once.
    fn derive<'a>(&'a self, share: Share, tx: &'a Transaction<'a>) -> BoxFuture<'a, Result<(), ProjectionError>> {
        let _ = (share, tx);
        ready(Ok(())).boxed()
    }
}

/// A part of work that is done by several at once.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Which part, counted from 0.
    pub part: i64,
    /// Of how many.
    pub of: i64,
}

/// Why events could not be applied. No message holds content of an event.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The database is away, or too busy: the same may pass later.
    #[error(transparent)]
    Away(DatabaseError),
    /// A batch did not end in time. The database counts as away.
    #[error("a batch takes too long")]
    TooSlow,
    /// The database refuses a statement. Its message is left out, for it may quote values.
    #[error("the database refuses it (SQLSTATE {})", .0.code())]
    Refused(SqlState),
    /// This release does not understand an event.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// The log cannot be read: a key is missing, or content was altered.
    #[error(transparent)]
    Log(LogError),
    /// An event does not follow what the read model holds.
    #[error("event {position} does not follow what the read model holds")]
    OutOfStep {
        /// The event's place in the log.
        position: Position,
    },
    /// A row of the read model is not what this release writes.
    #[error("the read model holds a row that cannot be read: {0}")]
    Malformed(&'static str),
}

impl From<DatabaseError> for ProjectionError {
    fn from(error: DatabaseError) -> Self {
        let DatabaseError::Postgres(failure) = &error else { return Self::Away(error) };
        match failure.code() {
            Some(code) if !passes(code) => Self::Refused(code.clone()),
            None if is_unreadable(failure) => Self::Malformed("a value of another type"),
            Some(_) | None => Self::Away(error),
        }
    }
}

impl From<Malformed> for ProjectionError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Malformed(name)
    }
}

impl From<tokio_postgres::Error> for ProjectionError {
    fn from(error: tokio_postgres::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl From<LogError> for ProjectionError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => error.into(),
            LogError::Unreadable(error) => error.into(),
            LogError::Key(_) | LogError::Malformed { .. } => Self::Log(error),
        }
    }
}

/// Whether what the server says is about its own state, not about the statement: no connection, not enough resources,
/// interrupted, a deadlock, a failover that left the session on a read-only server.
fn passes(code: &SqlState) -> bool {
    let class = code.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "40" | "53" | "57" | "58") || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_in_trouble_is_no_fault_of_the_event() {
        for code in [SqlState::ADMIN_SHUTDOWN, SqlState::DISK_FULL, SqlState::T_R_DEADLOCK_DETECTED] {
            assert!(passes(&code), "{}", code.code());
        }
        for code in [SqlState::NOT_NULL_VIOLATION, SqlState::UNDEFINED_TABLE, SqlState::PROGRAM_LIMIT_EXCEEDED] {
            assert!(!passes(&code), "{}", code.code());
        }
    }
}
