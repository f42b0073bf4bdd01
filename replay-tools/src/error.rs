//! Why there is no answer, and with which code the program ends. No message repeats the question: it may name a patient.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use event_store_schema::{DatabaseError, KeyError, LogError};
use projections_engine::history::HistoryError;
use projections_engine::rebuild::{RebuildError, TableDifference};
use tokio_postgres::error::SqlState;

use crate::practice::Practice;

/// No answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The question is not complete or not understood.
    #[error("{0}")]
    Usage(&'static str),
    /// Several practices gave this number.
    #[error("several practices have a patient with this number; choose one with --facility:{}", listed(.0))]
    Ambiguous(Vec<Practice>),
    /// There is no such patient, or was none then.
    #[error("{0}")]
    NotFound(&'static str),
    /// No server has announced itself in the data folder.
    #[error("no server is running with the data folder {folder}: {missing} is not there", folder = .0.display(), missing = .1)]
    ServerNotRunning(PathBuf, &'static str),
    /// A file could not be read.
    #[error("cannot read {}: {cause}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The announcement of a server is not what this release writes.
    #[error("{} is not the announcement of a server of this release", .0.display())]
    UnknownAnnouncement(PathBuf),
    /// The database does not answer.
    #[error("the database does not answer; is the server that owns it running? ({0})")]
    Unreachable(DatabaseError),
    /// It is some other database, or one that was never used.
    #[error("there is no log in this database: no server has worked with it yet")]
    NoLog,
    /// The database belongs to another master key.
    #[error("this is not the master key of the database, which names its key {0}")]
    WrongMasterKey(String),
    /// The log was reached but could not be read.
    #[error("the log cannot be read: {0}")]
    Log(LogError),
    /// The log was read but what it says cannot be told.
    #[error("the history cannot be told: {0}")]
    Untold(HistoryError),
    /// A read model was not rebuilt, or not compared.
    #[error("{projection}: {cause}")]
    NotRebuilt {
        /// Which.
        projection: &'static str,
        /// Why not.
        cause: RebuildError,
    },
    /// Live read models are not what the log says.
    #[error("read models are not what the log says; rebuild without --verify replaces them:{}", differing(.0))]
    Different(Vec<(&'static str, TableDifference)>),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

fn listed(practices: &[Practice]) -> String {
    practices.iter().map(|practice| format!("\n  {}  {}", practice.id, practice.name)).collect()
}

/// Rows are named by their ids alone.
fn differing(tables: &[(&str, TableDifference)]) -> String {
    let described = tables.iter().map(|(projection, difference)| {
        let TableDifference { table, only_live, only_rebuilt, examples } = difference;
        let rows: String = examples.iter().map(|ids| format!("\n    {ids}")).collect();
        format!(
            "\n  {projection}: table {table}: rows only live: {only_live}, only rebuilt: {only_rebuilt}, such as{rows}"
        )
    });
    described.collect()
}

impl ReplayError {
    /// 1: a failure. 2: a question that cannot be answered as it was put. 3: no such patient. 4: read models that differ.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Ambiguous(_) => 2,
            Self::NotFound(_) => 3,
            Self::Different(_) => 4,
            Self::ServerNotRunning(..)
            | Self::Unreadable { .. }
            | Self::UnknownAnnouncement(_)
            | Self::Unreachable(_)
            | Self::NoLog
            | Self::WrongMasterKey(_)
            | Self::Log(_)
            | Self::Untold(_)
            | Self::NotRebuilt { .. }
            | Self::Output(_) => 1,
        }
    }
}

impl From<LogError> for ReplayError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Key(KeyError::UnknownMasterKey(id)) => Self::WrongMasterKey(id),
            LogError::Database(error) => error.into(),
            LogError::Key(_) | LogError::Unreadable(_) | LogError::Malformed { .. } => Self::Log(error),
        }
    }
}

impl From<DatabaseError> for ReplayError {
    fn from(error: DatabaseError) -> Self {
        /// The tables are missing; or the role that servers work as; or the secrets that the first server makes, which a
        /// read-only session cannot.
        const NOT_OURS: [SqlState; 3] =
            [SqlState::UNDEFINED_TABLE, SqlState::INVALID_PARAMETER_VALUE, SqlState::READ_ONLY_SQL_TRANSACTION];
        match sql_state(&error) {
            Some(state) if NOT_OURS.contains(state) => Self::NoLog,
            Some(_) => Self::Log(error.into()),
            None if error.is_unreadable() => Self::Log(error.into()),
            None => Self::Unreachable(error),
        }
    }
}

/// What PostgreSQL itself answered, below whatever carried the answer.
fn sql_state(error: &DatabaseError) -> Option<&SqlState> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(postgres) = error.downcast_ref::<tokio_postgres::Error>() {
            return postgres.code();
        }
        cause = error.source();
    }
    None
}
