//! The history of a patient, and a patient as of an earlier moment, told from the log itself.

use domain::ids::{FacilityId, PatientId};
use domain::patient::Patient;
use event_store_schema::EventLog;
use projections_engine::history::{AsOf, HistoryEntry, HistoryError, Snapshot, as_of, history_of};

use super::document::{patient_document, patient_fields};

/// Every version of a patient, oldest first; none if the facility has no such patient. Without a facility (for auditors'
/// tools) the patient may be of any.
pub async fn patient_history(
    log: &EventLog,
    facility: Option<FacilityId>,
    id: PatientId,
) -> Result<Option<Vec<HistoryEntry>>, HistoryError> {
    history_of::<Patient>(log, facility, id.0, patient_fields).await
}

/// The patient at a moment; none if the facility had no such patient by then.
pub async fn patient_as_of(
    log: &EventLog,
    facility: Option<FacilityId>,
    id: PatientId,
    moment: AsOf,
) -> Result<Option<Snapshot>, HistoryError> {
    as_of::<Patient>(log, facility, id.0, moment, |patient, version, created_at, updated_at| {
        let document = patient_document(patient, id, version, created_at, updated_at)?;
        serde_json::from_str(document.get())
    })
    .await
}
