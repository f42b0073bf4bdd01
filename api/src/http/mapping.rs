//! Which failure underneath is which problem for the client. One table, so that the same failure is answered alike
//! everywhere.

use std::time::Duration;

use commands::{AcceptRefusal, CommandError};
use deadpool_postgres::PoolError;
use domain::appointment::{AppointmentError, Conflict};
use domain::availability::AvailabilityError;
use domain::facility::FacilityError;
use domain::patient::PatientError;
use domain::reservation::ResourceKind;
use domain::scheduling::Interval;
use domain::user::UserError;
use domain::waiting::WaitingError;
use event_store_schema::{DatabaseError, LogError};
use jiff::tz::TimeZone;
use projections_engine::QueryError;
use projections_engine::history::HistoryError;

use super::problem::{self, Period, Problem, ProblemCode};
use crate::auth::AuthError;
use crate::auth::accounts::AccountsError;
use crate::auth::passwords::PasswordError;
use crate::auth::signing_keys::UnusableKey;
use crate::auth::tokens::TokenError;

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

/// `E` is the aggregate's own refusal. What others hold is known to the resource, which names it better than this.
impl<E: std::error::Error + Into<Self>> From<CommandError<E>> for Problem {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
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

impl From<PatientError> for Problem {
    fn from(error: PatientError) -> Self {
        match error {
            PatientError::NotRegistered => Self::new(ProblemCode::ResourceNotFound),
            PatientError::Invalid(violations) => violations.into(),
            PatientError::Archived
            | PatientError::NotArchived
            | PatientError::AlreadyRegistered
            | PatientError::AlreadyRestricted
            | PatientError::NotRestricted => Self::new(ProblemCode::InvalidState).because(sentence(&error)),
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotRegistered => Self::new(ProblemCode::ResourceNotFound),
            UserError::Invalid(violations) => violations.into(),
            UserError::AlreadyRegistered
            | UserError::AlreadyActivated
            | UserError::NotActivated
            | UserError::Suspended
            | UserError::NotSuspended
            | UserError::LastAdmin
            | UserError::MfaAlreadyEnabled
            | UserError::MfaNotEnabled => Self::new(ProblemCode::InvalidState).because(sentence(&error)),
        }
    }
}

impl From<AvailabilityError> for Problem {
    fn from(error: AvailabilityError) -> Self {
        match error {
            AvailabilityError::NoSuchLeave | AvailabilityError::NoSuchExtraHours => {
                Self::new(ProblemCode::ResourceNotFound)
            }
            AvailabilityError::Invalid(violations) => violations.into(),
            // Which they are is told by whoever looked for them.
            AvailabilityError::TouchesAppointments(_) => Self::new(ProblemCode::LeaveTouchesAppointments),
            AvailabilityError::OnLeave | AvailabilityError::AlreadyPlanned => {
                Self::new(ProblemCode::InvalidState).because(sentence(&error))
            }
        }
    }
}

impl From<FacilityError> for Problem {
    fn from(error: FacilityError) -> Self {
        match error {
            FacilityError::NotOpen | FacilityError::NoSuchRoom => Self::new(ProblemCode::ResourceNotFound),
            FacilityError::Invalid(violations) => violations.into(),
            FacilityError::AlreadyOpen | FacilityError::UnknownTimeZone | FacilityError::RoomExists => {
                Self::new(ProblemCode::InvalidState).because(sentence(&error))
            }
        }
    }
}

/// Times without a zone; [`appointment_refusal`] tells them by the clock of the practice.
impl From<AppointmentError> for Problem {
    fn from(error: AppointmentError) -> Self {
        appointment_refusal(error, &TimeZone::UTC)
    }
}

/// Why a command on an appointment is refused, in the time of the practice.
pub fn appointment_refusal(error: AppointmentError, zone: &TimeZone) -> Problem {
    match error {
        AppointmentError::NotBooked | AppointmentError::NotHeld => Problem::new(ProblemCode::ResourceNotFound),
        AppointmentError::Invalid(violations) => violations.into(),
        AppointmentError::AlreadyBooked
        | AppointmentError::StillHeld { .. }
        | AppointmentError::NotNow { .. }
        | AppointmentError::NotBegun { .. }
        | AppointmentError::Moved
        | AppointmentError::Begun => Problem::new(ProblemCode::InvalidState).because(sentence(&error)),
        AppointmentError::OutsideAvailability { open } => {
            let hours = open.into_iter().map(|hours| Period::of(hours, zone));
            Problem::new(ProblemCode::OutsideAvailability).open_at(hours.collect())
        }
        AppointmentError::OverlapNotAllowed => Problem::new(ProblemCode::OverlapNotAllowed),
        AppointmentError::Conflicts(conflicts) => Problem::new(ProblemCode::AppointmentConflict)
            .conflicting_with(conflicts.into_iter().map(|conflict| met(conflict, zone)).collect()),
    }
}

/// What an appointment meets. One of another practice has no name here.
pub fn met(Conflict { resource, appointment, during }: Conflict, zone: &TimeZone) -> problem::Conflict {
    let (rule, field) = match resource {
        ResourceKind::Practitioner => ("same_practitioner", "practitionerId"),
        ResourceKind::Patient => ("same_patient", "patientId"),
        ResourceKind::Room => ("same_room", "roomId"),
    };
    problem::Conflict {
        resource_type: "appointment".to_owned(),
        resource_id: appointment.map(|id| id.to_string()),
        rule: rule.to_owned(),
        fields: Some(vec![field.to_owned()]),
        period: during.map(|during: Interval| Period::of(during, zone)),
        ..problem::Conflict::default()
    }
}

impl From<WaitingError> for Problem {
    fn from(error: WaitingError) -> Self {
        match error {
            WaitingError::NotWaiting => Self::new(ProblemCode::ResourceNotFound),
            WaitingError::Invalid(violations) => violations.into(),
            WaitingError::AlreadyWaiting
            | WaitingError::NotNow { .. }
            | WaitingError::NotOffered
            | WaitingError::AlreadyTold
            | WaitingError::TooLate { .. }
            | WaitingError::StillOpen { .. } => Self::new(ProblemCode::InvalidState).because(sentence(&error)),
        }
    }
}

/// As the refusal that it is. Times without a zone; [`appointment_refusal`] tells them by the clock of the practice.
impl From<AcceptRefusal> for Problem {
    fn from(refusal: AcceptRefusal) -> Self {
        match refusal {
            AcceptRefusal::Offer(refusal) => refusal.into(),
            AcceptRefusal::Appointment(refusal) => refusal.into(),
        }
    }
}

/// An error's message as a sentence of its own.
fn sentence(error: &dyn std::error::Error) -> String {
    let message = error.to_string();
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Database(error) => error.into(),
            AccountsError::Secret(error) => error.into(),
            AccountsError::Migration(_)
            | AccountsError::UnknownRole
            | AccountsError::Key(_)
            | AccountsError::Randomness(_)
            | AccountsError::SigningKey(_) => Self::internal(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(match error {
            TokenError::Expired => ProblemCode::TokenExpired,
            TokenError::Invalid | TokenError::UnknownKey => ProblemCode::InvalidToken,
            TokenError::SessionEnded => ProblemCode::SessionEnded,
            TokenError::MustEnroll => ProblemCode::EnrollmentRequired,
        })
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
            AuthError::StepUpNeeded => Self::new(ProblemCode::StepUpRequired),
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
            AuthError::Trail(error) => error.into(),
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

/// A database that does not answer is nobody's fault in the program, and may be back soon.
fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(error = %error, "the database does not answer");
    let problem = Problem::new(ProblemCode::NotReady).because("The database does not answer.");
    problem.retry_after(Duration::from_secs(2))
}
