//! What services are put together from.

use accounts::Auth;
use frame::desk::Desk;
use policies::account_mail::AccountMail;
use policies::messaging::Messengers;
use policies::patient_links::PatientLinks;
use policies::reminders::Reminders;
use realtime::{Realtime, StaleChanges};

/// What the services of one process are put together from.
#[derive(Clone)]
pub struct Parts {
    /// Commands, the wait for read models, and the trail of accesses.
    pub desk: Desk,
    /// Who may come in.
    pub auth: Auth,
    /// By which staff are told of their accounts.
    pub account_mail: AccountMail,
    /// By what patients are reached.
    pub messengers: Messengers,
    /// By which patients answer.
    pub links: PatientLinks,
    /// What sends reminders.
    pub reminders: Reminders,
    /// By which users are told of changes that came too late.
    pub stale: StaleChanges,
    /// Live screens, where this process serves them.
    pub realtime: Option<Realtime>,
}
