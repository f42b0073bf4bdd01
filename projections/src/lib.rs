//! Read models: tables that are filled from the log, and the queries on them.
//!
//! Each folder is one read model: a [`Projection`](projections_engine::Projection), its document and its queries. How any
//! of them runs is the business of [`projections_engine`]. [`push`] and [`publisher`] tell live screens of events. Nothing
//! here appends to the log.

pub mod appointments;
pub mod availability;
pub mod facilities;
pub mod notifications;
pub mod patients;
pub mod publisher;
pub mod push;
pub mod reminders;
pub mod users;
pub mod waiting_list;

use std::sync::Arc;

use projections_engine::Projection;

pub use patients::{patient_document, patient_fields};

/// Every read model of this release.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(facilities::Facilities),
        Arc::new(patients::Patients),
        Arc::new(users::Users),
        Arc::new(availability::Availabilities),
        Arc::new(appointments::Appointments),
        Arc::new(waiting_list::WaitingList),
        Arc::new(notifications::Notifications),
        Arc::new(reminders::Reminders),
    ]
}
