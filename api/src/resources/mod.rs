//! What the API offers, one file per resource: its documents, its operations, and how each becomes a command or a query.

pub mod appointment_reminders;
pub mod appointments;
pub mod audit;
pub mod availability;
pub mod calendar_feed;
pub mod facilities;
pub mod health;
pub mod notifications;
pub mod patients;
pub mod practitioners;
pub mod reminder_rules;
pub mod roles;
pub mod rooms;
pub mod session;
pub mod slots;
pub mod users;
pub mod waiting_list;

use std::sync::Arc;

use self::appointment_reminders::AppointmentRemindersApi;
use self::appointments::{AppointmentLifeApi, AppointmentListsApi, AppointmentsApi};
use self::audit::AuditApi;
use self::availability::AvailabilityApi;
use self::calendar_feed::CalendarFeedApi;
use self::facilities::FacilitiesApi;
use self::health::{HealthApi, Readiness};
use self::notifications::NotificationsApi;
use self::patients::PatientsApi;
use self::practitioners::PractitionersApi;
use self::reminder_rules::ReminderRulesApi;
use self::rooms::RoomsApi;
use self::session::{CredentialsApi, SessionApi};
use self::slots::SlotsApi;
use self::users::{UserAccountsApi, UsersApi};
use self::waiting_list::{WaitingListApi, WaitingOffersApi};
use crate::auth::Auth;
use crate::state::AppState;

/// The chapters of the OpenAPI document.
#[derive(poem_openapi::Tags)]
pub enum Chapter {
    /// Logging in, and who is logged in.
    Session,
    /// Who works in the practice, and their accounts.
    Staff,
    /// Identity, contact and insurance of patients.
    Patients,
    /// Who sees whom, when and where.
    Appointments,
    /// Who waits for a time.
    WaitingList,
    /// What the staff is told of.
    Notifications,
    /// When practitioners can be booked.
    Availability,
    /// The practice itself.
    Facilities,
    /// Who looked at whose data.
    Audit,
    /// Whether the server lives and is ready.
    Operation,
}

/// All operations of the OpenAPI document, by the rooms they belong to.
pub type Api = (HealthApi, AccountsApi, PatientsApi, SchedulingApi, PracticeApi, AuditApi);

type AccountsApi = (SessionApi, CredentialsApi, UsersApi, UserAccountsApi, PractitionersApi);
type SchedulingApi = (
    AppointmentsApi,
    AppointmentLifeApi,
    AppointmentListsApi,
    AppointmentRemindersApi,
    AvailabilityApi,
    SlotsApi,
    CalendarFeedApi,
    WaitingListApi,
    WaitingOffersApi,
    NotificationsApi,
);
type PracticeApi = (FacilitiesApi, RoomsApi, ReminderRulesApi);

/// Every operation, over this state and these accounts.
pub fn all(state: &AppState, auth: &Auth, readiness: Arc<Readiness>) -> Api {
    let state = || state.clone();
    let accounts = (
        SessionApi::new(auth.clone()),
        CredentialsApi::new(state(), auth.clone()),
        UsersApi::new(state(), auth.clone()),
        UserAccountsApi::new(state(), auth.clone()),
        PractitionersApi::new(state()),
    );
    let scheduling = (
        AppointmentsApi::new(state()),
        AppointmentLifeApi::new(state()),
        AppointmentListsApi::new(state()),
        AppointmentRemindersApi::new(state()),
        AvailabilityApi::new(state()),
        SlotsApi::new(state()),
        CalendarFeedApi::new(state()),
        WaitingListApi::new(state()),
        WaitingOffersApi::new(state()),
        NotificationsApi::new(state()),
    );
    let practice = (FacilitiesApi::new(state()), RoomsApi::new(state()), ReminderRulesApi::new(state()));
    (HealthApi::new(readiness), accounts, PatientsApi::new(state()), scheduling, practice, AuditApi::new(state()))
}
