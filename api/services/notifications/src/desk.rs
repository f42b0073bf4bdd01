//! What the operations of this service work with.

use std::ops::Deref;

use frame::desk::Desk;
use projections::notifications::NotificationQueries;
use projections::patients::PatientQueries;
use projections::users::UserQueries;
use service::Parts;

/// The desk of the frame, with what this service reads to tell the staff of something. Cheap to clone.
#[derive(Clone)]
pub(crate) struct NotificationsDesk {
    desk: Desk,
    pub(crate) notifications: NotificationQueries,
    pub(crate) users: UserQueries,
    pub(crate) patients: PatientQueries,
}

impl NotificationsDesk {
    pub(crate) fn new(parts: &Parts) -> Self {
        let desk = parts.desk.clone();
        let database = desk.commands.log().database();
        Self {
            notifications: NotificationQueries::new(database.clone()),
            users: UserQueries::new(database.clone()),
            patients: PatientQueries::new(database.clone()),
            desk,
        }
    }
}

impl Deref for NotificationsDesk {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}
