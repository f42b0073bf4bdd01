//! Why a command did not become events. The frame makes a problem answer of it.

use std::error::Error;

use domain::appointment::AppointmentError;
use domain::event::UnreadableEvent;
use domain::ids::StreamVersion;
use event_store_schema::{AppendError, Holder, LogError};

/// A command failed. `E` is the aggregate's own refusal.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<E: Error> {
    /// A rule of the domain says no.
    #[error("{0}")]
    Refused(E),
    /// There is no such thing in this practice.
    #[error("not found")]
    NotFound,
    /// The client means another version than the one there is.
    #[error("the resource is at version {actual}")]
    Stale {
        /// The version it is at.
        actual: StreamVersion,
    },
    /// Others hold what the command needs.
    #[error("others hold what is needed")]
    Reserved(Vec<Holder>),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// Others were faster again and again.
    #[error("too many others change the same thing at this moment")]
    Contended,
    /// More commands are waiting than the server takes.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The database does not answer. The events may have been written only if `outcome_unknown`.
    #[error("the log is unavailable")]
    Unavailable {
        /// Whether the events may have been written.
        outcome_unknown: bool,
    },
    /// Something is broken in the house.
    #[error(transparent)]
    Internal(LogError),
    /// A program mistake in how a command was put together.
    #[error("invalid append: {0}")]
    Invalid(String),
}

impl<E: Error> CommandError<E> {
    /// The same failure, with the refusal in other words.
    pub(crate) fn map<F: Error>(self, refusal: impl FnOnce(E) -> F) -> CommandError<F> {
        match self {
            Self::Refused(refused) => CommandError::Refused(refusal(refused)),
            Self::NotFound => CommandError::NotFound,
            Self::Stale { actual } => CommandError::Stale { actual },
            Self::Reserved(holders) => CommandError::Reserved(holders),
            Self::IdempotencyKeyReused => CommandError::IdempotencyKeyReused,
            Self::Contended => CommandError::Contended,
            Self::Overloaded => CommandError::Overloaded,
            Self::Unavailable { outcome_unknown } => CommandError::Unavailable { outcome_unknown },
            Self::Internal(error) => CommandError::Internal(error),
            Self::Invalid(what) => CommandError::Invalid(what),
        }
    }

    /// What became of reading another aggregate, for the decision that needs it.
    pub(crate) fn while_reading<F: Error>(self) -> CommandError<F> {
        match self {
            Self::NotFound => CommandError::NotFound,
            Self::Internal(error) => CommandError::Internal(error),
            Self::Overloaded => CommandError::Overloaded,
            // Nothing was to be written, and nothing can have been refused.
            Self::Unavailable { .. }
            | Self::Refused(_)
            | Self::Stale { .. }
            | Self::Reserved(_)
            | Self::IdempotencyKeyReused
            | Self::Contended
            | Self::Invalid(_) => CommandError::Unavailable { outcome_unknown: false },
        }
    }
}

impl<E: Error> From<LogError> for CommandError<E> {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) if error.is_outage() => Self::Unavailable { outcome_unknown: false },
            LogError::Database(_) | LogError::Key(_) | LogError::Unreadable(_) | LogError::Malformed { .. } => {
                Self::Internal(error)
            }
        }
    }
}

impl<E: Error> From<UnreadableEvent> for CommandError<E> {
    fn from(error: UnreadableEvent) -> Self {
        Self::Internal(error.into())
    }
}

impl<E: Error> From<AppendError> for CommandError<E> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongVersion { .. } => Self::Contended,
            AppendError::Reserved(holders) => Self::Reserved(holders),
            AppendError::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            AppendError::Overloaded => Self::Overloaded,
            AppendError::Unavailable { outcome_unknown } => Self::Unavailable { outcome_unknown },
            AppendError::Invalid(what) => Self::Invalid(what),
            AppendError::Log(error) => error.into(),
        }
    }
}

/// A command on an appointment failed.
pub(crate) type AppointmentFailure = CommandError<AppointmentError>;
