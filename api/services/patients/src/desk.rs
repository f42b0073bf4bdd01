//! What the operations of this service work with.

use std::ops::Deref;

use frame::desk::Desk;
use projections::patients::PatientQueries;
use service::Parts;

/// The desk of the frame, with what this service reads of patients. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PatientsDesk {
    desk: Desk,
    pub(crate) patients: PatientQueries,
}

impl PatientsDesk {
    pub(crate) fn new(parts: &Parts) -> Self {
        let desk = parts.desk.clone();
        let database = desk.commands.log().database();
        Self { patients: PatientQueries::new(database.clone()), desk }
    }
}

impl Deref for PatientsDesk {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}
