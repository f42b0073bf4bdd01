//! The read model of patients: their documents, the order of the list, the words of the search, and how many there are.
//!
//! It is made for a million patients in a facility. A page costs the same wherever it lies. The next page follows the last
//! patient's place in the order (`patients_in_order`). A page of a number is found through `patient_counts`, which also
//! tells how many patients there are. A search walks `patient_terms`, see [`search`].

mod document;
mod history;
mod listing;
mod loading;
mod page;
mod queries;
mod rows;
mod search;
mod terms;

use domain::event::{LoggedEvent, RecordedEvent};
use domain::patient::PatientEvent;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::{Projection, ProjectionError, Share, Transaction};

pub use self::document::{patient_document, patient_fields};
pub use self::history::{patient_as_of, patient_history};
pub use self::page::{PageStart, PatientCursor, PatientFilter, PatientPage};
pub use self::queries::PatientQueries;
use self::rows::{fold, known_patients, write};

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Patients;

impl Projection for Patients {
    fn name(&self) -> &'static str {
        "patients"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        &["patients", "patient_terms", "patient_counts"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/patients/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/patients/indexes.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        PatientEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let known = known_patients(events, tx).await?;
            write(&fold(events, known)?, tx).await
        }
        .boxed()
    }

    fn load<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        loading::load(events, tx).boxed()
    }

    fn derive<'a>(&'a self, share: Share, tx: &'a Transaction<'a>) -> BoxFuture<'a, Result<(), ProjectionError>> {
        loading::derive(share, tx).boxed()
    }
}
