//! Why a rebuild or a comparison failed.

use domain::ids::Position;
use event_store_schema::{DatabaseError, LogError};
use tokio_postgres::error::SqlState;

use crate::projection::ProjectionError;

/// A rebuild or a comparison failed. The live read model is unchanged. No message holds content of an event.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another session rebuilds the same read model.
    #[error("another rebuild of this read model is running")]
    AlreadyRunning,
    /// It was never installed.
    #[error("the read model is not installed: start a server first")]
    NotInstalled,
    /// The live tables are of another version, so rows cannot be compared.
    #[error("the live read model is of version {found}, this program writes version {ours}")]
    OtherVersion {
        /// The live tables' version.
        found: i64,
        /// The version of this program.
        ours: u32,
    },
    /// Another release replaced the read model meanwhile.
    #[error("the read model was replaced by another release meanwhile")]
    Superseded,
    /// Other transactions blocked the swap at every try.
    #[error("transactions that do not end are in the way of the swap; the rebuild was given up")]
    Busy,
    /// Events cannot be applied.
    #[error("the events after position {after}, up to {until}, cannot be applied: {source}")]
    Apply {
        /// Where the copy stood.
        after: Position,
        /// The last of the events.
        until: Position,
        /// Why.
        source: ProjectionError,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database is away or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<tokio_postgres::Error> for RebuildError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) { Self::Busy } else { Self::Database(error.into()) }
    }
}
