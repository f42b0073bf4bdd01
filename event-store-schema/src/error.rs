//! What can go wrong with the log.

use domain::event::UnreadableEvent;
use domain::ids::{Position, StreamId, StreamVersion};
use domain::scheduling::Interval;

use crate::cell::Malformed;
use crate::database::DatabaseError;
use crate::key_error::KeyError;

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database is away or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A key is missing or wrong, or content was altered.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The stored event is not what this release understands.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// A stored row breaks the log's own form.
    #[error("the log's row at position {position} is malformed: {what}")]
    Malformed {
        /// The row's position; zero if the row has none.
        position: i64,
        /// Which part of it.
        what: &'static str,
    },
}

/// An event that this release cannot open, as far as its row tells of it.
#[derive(Debug)]
pub struct DamagedEvent {
    /// Where it stands.
    pub position: Position,
    /// To which stream it belongs, if that can be read.
    pub stream: Option<StreamId>,
    /// What is wrong with it.
    pub error: LogError,
}

impl From<tokio_postgres::Error> for LogError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Of a row that has no position in the log.
impl From<Malformed> for LogError {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed { position: 0, what }
    }
}

/// Who holds what a request wanted to reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The kind of key or resource, as in [`KeyKind::name`](domain::reservation::KeyKind::name).
    pub kind: String,
    /// The stream that holds it.
    pub stream: StreamId,
    /// The stretch of time that it holds, for a resource.
    pub during: Option<Interval>,
}

/// An append was refused or failed. Nothing of it was written, except where `Unavailable` says that this is unknown.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another append came first: decide again.
    #[error("{stream} is at version {actual}")]
    WrongVersion {
        /// The stream, written or guarded.
        stream: StreamId,
        /// The version it is at.
        actual: StreamVersion,
    },
    /// Somebody else holds it.
    #[error("reserved by {} other(s)", .0.len())]
    Reserved(Vec<Holder>),
    /// The idempotency key was used before, for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// Too many appends are waiting.
    #[error("too many appends are waiting")]
    Overloaded,
    /// The database did not answer in time.
    #[error("the log is unavailable ({})", if *.outcome_unknown { "the outcome is unknown" } else { "nothing was written" })]
    Unavailable {
        /// Whether the events may have been written all the same.
        outcome_unknown: bool,
    },
    /// The request cannot be written as it is: a mistake of the program.
    #[error("invalid append: {0}")]
    Invalid(String),
    /// A key or the database failed, or the answer was not understood. Only in the last case may the events be written.
    #[error(transparent)]
    Log(#[from] LogError),
}
