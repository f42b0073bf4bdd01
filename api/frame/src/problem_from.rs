//! Which failure underneath is which problem for the client. One table, so that the same failure is answered alike
//! everywhere.

use std::time::Duration;

use accounts::AccountsError;
use accounts::AuthError;
use accounts::UnusableKey;
use accounts::passwords::PasswordError;
use accounts::tokens::TokenError;
use commands::CommandError;
use deadpool_postgres::PoolError;
use domain::refusal::{Refusal, Refused};
use event_store_schema::{DatabaseError, LogError};
use projections_engine::QueryError;
use projections_engine::history::HistoryError;

use super::problem::{Problem, ProblemCode, Violation};

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Pool(PoolError::Timeout(_)) => {
                Self::new(ProblemCode::Overloaded).because("All database connections are in use.")
            }
            _ if error.is_outage() => unavailable(&error),
            DatabaseError::Pool(_) | DatabaseError::Postgres(_) | DatabaseError::Settings(_) => Self::internal(&error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => error.into(),
            LogError::Key(_) | LogError::Unreadable(_) | LogError::Malformed { .. } => Self::internal(&error),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Database(error) => error.into(),
            QueryError::Malformed(_) => Self::internal(&error),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Log(error) => error.into(),
            HistoryError::Unreadable(_) | HistoryError::NoDocument(_) => Self::internal(&error),
        }
    }
}

/// `E` is the aggregate's own refusal. What others hold is known to the service, which names it better than this.
impl<E: Refused> From<CommandError<E>> for Problem {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(error) => Self::refused(error),
            CommandError::NotFound => Self::new(ProblemCode::ResourceNotFound),
            CommandError::Stale { actual } => {
                Self::new(ProblemCode::StaleVersion).because(format!("The current version is {actual}."))
            }
            CommandError::Reserved(_) => Self::new(ProblemCode::Conflict),
            CommandError::IdempotencyKeyReused => Self::new(ProblemCode::IdempotencyKeyReused),
            CommandError::Contended => Self::new(ProblemCode::ConcurrentChange),
            CommandError::Overloaded => Self::new(ProblemCode::Overloaded).because("Too many commands are waiting."),
            CommandError::Unavailable { outcome_unknown } => {
                let outcome = if outcome_unknown {
                    "The database did not answer in time. The change may have been made: repeat the request with the \
                     same Idempotency-Key, or look."
                } else {
                    "The database does not answer. Nothing was changed."
                };
                Self::new(ProblemCode::NotReady).because(outcome).retry_after(Duration::from_secs(2))
            }
            CommandError::Internal(_) | CommandError::Invalid(_) => Self::internal(&error),
        }
    }
}

/// Of an account or a facility whose row a newer release wrote. Operators find it in the log and in `health/ready`.
fn not_understood() -> Problem {
    let why = "This release does not understand what is stored of the account or of the facility.";
    Problem::new(ProblemCode::NotReady).because(why).retry_after(Duration::from_secs(2))
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Database(error) => error.into(),
            AccountsError::Secret(error) => error.into(),
            AccountsError::Hash(error) => error.into(),
            AccountsError::NotUnderstood(_) => {
                tracing::error!(%error, "an account is refused");
                not_understood()
            }
            AccountsError::Migration(_)
            | AccountsError::Key(_)
            | AccountsError::Randomness(_)
            | AccountsError::SigningKey(_) => Self::internal(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::new(ProblemCode::TokenExpired),
            TokenError::Invalid | TokenError::UnknownKey => Self::new(ProblemCode::InvalidToken),
            TokenError::SessionEnded => Self::new(ProblemCode::SessionEnded),
            TokenError::MustEnroll => Self::new(ProblemCode::EnrollmentRequired),
            TokenError::NotUnderstood => not_understood(),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::WrongCredentials => Self::new(ProblemCode::InvalidCredentials),
            AuthError::Locked(wait) => Self::new(ProblemCode::TooManyAttempts).retry_after(wait),
            AuthError::SecondFactorNeeded => Self::new(ProblemCode::SecondFactorRequired),
            AuthError::WrongCode => Self::new(ProblemCode::InvalidSecondFactor),
            AuthError::SessionOver => Self::new(ProblemCode::SessionEnded),
            AuthError::LinkNotGood => Self::new(ProblemCode::LinkNotGood),
            AuthError::GuessablePassword => {
                let why = "Is soon guessed by who knows its owner or the practice.";
                Self::validation_failed(vec![Violation::new("newPassword", "guessable_password", why)])
            }
            AuthError::SecondFactorRequired => {
                let why = "The practice requires a second factor of this role; set up another device instead.";
                Self::new(ProblemCode::PermissionDenied).because(why)
            }
            AuthError::NoSecondFactor => {
                // Dropping is a repetition then; it is refused like other resources that are gone.
                Self::not_found("second factor")
            }
            AuthError::Accounts(error) => error.into(),
            AuthError::Password(error) => error.into(),
            AuthError::SigningKey(error) => error.into(),
            AuthError::NotUnderstood => not_understood(),
            AuthError::Events(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::new(ProblemCode::Overloaded).because("Too many logins are waiting."),
            PasswordError::Failed => Self::internal(&error),
        }
    }
}

impl From<UnusableKey> for Problem {
    fn from(error: UnusableKey) -> Self {
        Self::internal(&error)
    }
}

impl Problem {
    /// Why an aggregate refuses a command. A refusal with a problem code of its own is shown by the service that knows it;
    /// here it is a conflict.
    pub fn refused<E: Refused>(error: E) -> Self {
        Self::of_refusal(error.refusal())
    }

    /// The same, of a refusal that was looked at.
    pub fn of_refusal<E: Refused>(refusal: Refusal<E>) -> Self {
        match refusal {
            Refusal::NotThere => Self::new(ProblemCode::ResourceNotFound),
            Refusal::NotNow(sentence) => Self::new(ProblemCode::InvalidState).because(sentence),
            Refusal::Invalid(violations) => violations.into(),
            Refusal::Other(error) => Self::new(ProblemCode::Conflict).because(error.sentence()),
        }
    }
}

/// A database that does not answer is nobody's fault in the program, and may be back soon.
fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(error = %error, "the database does not answer");
    let problem = Problem::new(ProblemCode::NotReady).because("The database does not answer.");
    problem.retry_after(Duration::from_secs(2))
}
