//! What the operations of this service work with.

use std::ops::Deref;

use frame::desk::Desk;
use projections::facilities::FacilityQueries;
use projections::users::UserQueries;
use service::Parts;

/// The desk of the frame, with what this service reads of staff and facilities. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StaffDesk {
    desk: Desk,
    pub(crate) users: UserQueries,
    pub(crate) facilities: FacilityQueries,
}

impl StaffDesk {
    pub(crate) fn new(parts: &Parts) -> Self {
        Self::over(parts.desk.clone())
    }

    pub(crate) fn over(desk: Desk) -> Self {
        let database = desk.commands.log().database();
        Self { users: UserQueries::new(database.clone()), facilities: FacilityQueries::new(database.clone()), desk }
    }
}

impl Deref for StaffDesk {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}
