//! Read models: tables that are filled from the log, and the queries on them.
//!
//! A [`Projection`] turns events into rows; [`Projections`] runs them, each on one server at a time. The history of one
//! aggregate needs no table: [`history`] tells it from the log itself. Nothing here appends to the log.

pub mod appointments;
pub mod availability;
mod checkpoint;
mod documents;
pub mod facilities;
mod folding;
pub mod following;
pub mod history;
mod idle;
mod install;
mod leadership;
pub mod notifications;
pub mod patients;
mod progress;
mod projection;
pub mod publisher;
pub mod push;
mod reading;
pub mod rebuild;
pub mod reminders;
mod runner;
mod running;
pub mod users;
pub mod waiting;

use std::sync::Arc;

pub use documents::{patient_document, patient_fields};
pub use install::{InstallError, install};
pub use progress::{ProjectionState, ProjectionStatus};
pub use projection::{Projection, ProjectionError, Share, Transaction};
pub use reading::QueryError;
pub use running::Projections;

/// Every read model of this release.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(facilities::Facilities),
        Arc::new(patients::Patients),
        Arc::new(users::Users),
        Arc::new(availability::Availabilities),
        Arc::new(appointments::Appointments),
        Arc::new(waiting::WaitingList),
        Arc::new(notifications::Notifications),
        Arc::new(reminders::Reminders),
    ]
}
