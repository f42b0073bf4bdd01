//! What the operations of the resources work with: the command side, the read side, and the wait between them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use commands::Commands;
use domain::ids::{FacilityId, PatientId, Position};
use domain::permissions::Permissions;
use domain::role::Area;
use event_store_schema::AccessTrail;
use poem::Request;
use projections::appointments::AppointmentQueries;
use projections::availability::{AvailabilityQueries, CalendarQueries};
use projections::facilities::FacilityQueries;
use projections::notifications::NotificationQueries;
use projections::patients::PatientQueries;
use projections::reminders::ReminderQueries;
use projections::users::UserQueries;
use projections::waiting::WaitingQueries;
use projections_engine::Projections;

use crate::http::access::Trace;
use crate::http::auth::Caller;
use crate::http::parameter::Prefer;
use crate::http::problem::Problem;
use crate::messaging::Messengers;
use crate::patient_links::PatientLinks;
use crate::realtime::StaleChanges;

/// How long an answer waits for the read models to show what it wrote. Normally they do within milliseconds; a read model
/// that is stuck must not block commands, and says so in `health/ready`.
const READ_MODEL_PATIENCE: Duration = Duration::from_secs(2);

/// Handed to every resource; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The command side.
    pub commands: Commands,
    /// The read model of patients.
    pub patients: PatientQueries,
    /// The read model of appointments.
    pub appointments: AppointmentQueries,
    /// The read model of when practitioners can be booked.
    pub availability: AvailabilityQueries,
    /// The calendars in which slots are looked for.
    pub calendars: CalendarQueries,
    /// The read model of practices.
    pub facilities: FacilityQueries,
    /// The read model of staff.
    pub users: UserQueries,
    /// The read model of reminders.
    pub reminders: ReminderQueries,
    /// The read model of the waiting list.
    pub waiting: WaitingQueries,
    /// The read model of notifications.
    pub notifications: NotificationQueries,
    /// Who looked at whose data.
    pub trail: AccessTrail,
    /// By what patients are reached.
    pub messengers: Messengers,
    /// By which they answer; none in tests without a house's secret.
    pub links: Option<PatientLinks>,
    /// By which users are told of changes that came too late.
    pub stale: Option<StaleChanges>,
    read_models: Projections,
}

impl AppState {
    /// Over this log, these read models and this trail of accesses.
    pub fn new(commands: Commands, read_models: Projections, trail: AccessTrail) -> Self {
        let database = commands.log().database().clone();
        Self {
            commands,
            patients: PatientQueries::new(database.clone()),
            appointments: AppointmentQueries::new(database.clone()),
            availability: AvailabilityQueries::new(database.clone()),
            calendars: CalendarQueries::new(database.clone()),
            facilities: FacilityQueries::new(database.clone()),
            users: UserQueries::new(database.clone()),
            reminders: ReminderQueries::new(database.clone()),
            waiting: WaitingQueries::new(database.clone()),
            notifications: NotificationQueries::new(database),
            trail,
            messengers: Messengers::default(),
            links: None,
            stale: None,
            read_models,
        }
    }

    /// The same, telling users by this of changes that came too late.
    #[must_use]
    pub fn warning(self, stale: StaleChanges) -> Self {
        Self { stale: Some(stale), ..self }
    }

    /// The same, with these ways of reaching patients, and of being answered.
    #[must_use]
    pub fn reaching_patients(self, messengers: Messengers, links: PatientLinks) -> Self {
        Self { messengers, links: Some(links), ..self }
    }

    /// The trace of what this request shows; it has to be written before the answer leaves.
    pub fn trace(&self, caller: &Caller, request: &Request) -> Trace {
        Trace::new(&self.trail, caller, request)
    }

    /// What these patients are called, if the caller may read patients: then the trace says that they were shown, and must be
    /// written before the answer leaves. Nobody's name otherwise.
    pub async fn patient_names(
        &self,
        request: &Request,
        trace: Trace,
        facility: FacilityId,
        patients: impl IntoIterator<Item = PatientId>,
    ) -> Result<HashMap<PatientId, String>, Problem> {
        let permitted = request.data::<Permissions>();
        let patients: HashSet<PatientId> = patients.into_iter().collect();
        if patients.is_empty() || !permitted.is_some_and(|permitted| permitted.access(Area::Patients).may_read()) {
            return Ok(HashMap::new());
        }
        let patients: Vec<PatientId> = patients.into_iter().collect();
        trace.search(patients.iter().copied()).await?;
        Ok(self.patients.names(facility, &patients).await?)
    }

    /// Waits until the read models show what was written up to `position`, so that whoever wrote reads it. `false` if they
    /// do not in time.
    pub async fn shown(&self, position: Option<Position>) -> bool {
        let Some(position) = position else { return true };
        let shown = self.read_models.wait_for(position, READ_MODEL_PATIENCE).await;
        if !shown {
            tracing::warn!(%position, "answered before the read models show it");
        }
        shown
    }

    /// Waits until a read model that writers do not wait for shows what was written until now. `false` if it does not in time.
    pub async fn caught_up(&self, read_model: &str) -> bool {
        let shown = self.read_models.catch_up(read_model, READ_MODEL_PATIENCE).await;
        if !shown {
            tracing::warn!(read_model, "read before it shows what was written");
        }
        shown
    }

    /// Waits for the read models unless the client would rather not. The value of `Preference-Applied`, if the answer
    /// leaves before they show what was written: because the client asked for that, or because they are stuck.
    pub async fn settle(&self, position: Option<Position>, prefer: Option<Prefer>) -> Option<String> {
        let settled = !prefer.unwrap_or_default().respond_async && self.shown(position).await;
        (!settled).then(|| "respond-async".to_owned())
    }

    /// The same, for an answer that is read from a read model which writers do not wait for.
    pub async fn settle_to_read(
        &self,
        read_model: &str,
        position: Option<Position>,
        prefer: Option<Prefer>,
    ) -> Option<String> {
        match self.settle(position, prefer).await {
            None if !self.caught_up(read_model).await => Some("respond-async".to_owned()),
            preference => preference,
        }
    }
}
