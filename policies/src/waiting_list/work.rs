//! What the policy works with, and what may keep it from acting.

use commands::Commands;
use projections::availability::CalendarQueries;
use projections::users::UserQueries;
use projections::waiting_list::WaitingQueries;
use projections_engine::Projections;

use crate::messaging::Messengers;
use crate::patient_links::PatientLinks;

/// What the policy works with. Cheap to clone.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) commands: Commands,
    pub(super) read_models: Projections,
    pub(super) waiting: WaitingQueries,
    pub(super) users: UserQueries,
    pub(super) calendars: CalendarQueries,
    pub(super) messengers: Messengers,
    pub(super) links: Option<PatientLinks>,
}

/// What keeps the policy from acting now.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotNow {
    #[error("the read models are behind")]
    Behind,
    #[error("others kept changing the waiting list")]
    Contended,
    #[error("a task that sends a message panicked")]
    Panicked,
}
