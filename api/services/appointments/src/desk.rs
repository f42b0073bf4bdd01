//! What the operations of this service work with.

use std::ops::Deref;

use frame::desk::Desk;
use projections::appointments::AppointmentQueries;
use projections::availability::{AvailabilityQueries, CalendarQueries};
use projections::facilities::FacilityQueries;
use projections::patients::PatientQueries;
use projections::reminders::ReminderQueries;
use projections::users::UserQueries;
use projections::waiting_list::WaitingQueries;
use realtime::StaleChanges;
use service::Parts;

/// The desk of the frame, with what this service reads to show and fill a calendar. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AgendaDesk {
    desk: Desk,
    pub(crate) patients: PatientQueries,
    pub(crate) appointments: AppointmentQueries,
    pub(crate) availability: AvailabilityQueries,
    pub(crate) calendars: CalendarQueries,
    pub(crate) facilities: FacilityQueries,
    pub(crate) users: UserQueries,
    pub(crate) reminders: ReminderQueries,
    pub(crate) waiting: WaitingQueries,
    /// By which users are told of changes that came too late.
    pub(crate) stale: StaleChanges,
}

impl AgendaDesk {
    pub(crate) fn new(parts: &Parts) -> Self {
        let desk = parts.desk.clone();
        let database = desk.commands.log().database();
        Self {
            patients: PatientQueries::new(database.clone()),
            appointments: AppointmentQueries::new(database.clone()),
            availability: AvailabilityQueries::new(database.clone()),
            calendars: CalendarQueries::new(database.clone()),
            facilities: FacilityQueries::new(database.clone()),
            users: UserQueries::new(database.clone()),
            reminders: ReminderQueries::new(database.clone()),
            waiting: WaitingQueries::new(database.clone()),
            stale: parts.stale.clone(),
            desk,
        }
    }
}

impl Deref for AgendaDesk {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}
