//! Finds the stream that is asked about: by the patient's id, or by their number in a practice.

use domain::aggregate::AggregateRoot;
use domain::facility::{Facility, FacilityEvent};
use domain::ids::{FacilityId, PatientId, StreamVersion};
use domain::patient::Patient;
use domain::reservation::KeyKind;
use domain::values::{PatientNumber, TextValue};
use event_store_schema::{EventLog, LogError};
use jiff::tz::TimeZone;

use crate::error::ReplayError;
use crate::practice::Practice;

/// How a patient is named in a question.
#[derive(Debug, PartialEq, Eq)]
pub enum PatientReference {
    /// By the id that the log knows them by.
    Id(PatientId),
    /// By the number that their practice gave them.
    Number(PatientNumber),
}

/// A patient's file and the practice that keeps it.
#[derive(Debug)]
pub struct PatientFile {
    /// The patient.
    pub id: PatientId,
    /// The practice.
    pub practice: Practice,
}

/// The file that is meant, in this practice if one is given.
pub async fn find(
    log: &EventLog,
    reference: &PatientReference,
    facility: Option<FacilityId>,
) -> Result<PatientFile, ReplayError> {
    let mut holders = match reference {
        PatientReference::Id(id) => owner(log, *id).await?.into_iter().map(|owner| (owner, *id)).collect(),
        PatientReference::Number(number) => holders(log, number, facility).await?,
    };
    holders.retain(|(owner, _)| facility.is_none_or(|facility| facility == *owner));
    match holders.as_slice() {
        [] => Err(ReplayError::NotFound("there is no such patient")),
        [(facility, id)] => Ok(PatientFile { id: *id, practice: practice(log, *facility).await? }),
        several => {
            let mut practices = Vec::with_capacity(several.len());
            for (facility, _) in several {
                practices.push(practice(log, *facility).await?);
            }
            Err(ReplayError::Ambiguous(practices))
        }
    }
}

/// The practice whose stream it is.
async fn owner(log: &EventLog, id: PatientId) -> Result<Option<FacilityId>, ReplayError> {
    let events = log.load(&Patient::stream(id.0), StreamVersion::ZERO).await?;
    Ok(events.first().map(|event| event.facility_id))
}

/// The patients who hold the number, in every practice or in one. The log keeps reservations with the events themselves, so
/// the answer is right even while read models lag or are rebuilt.
async fn holders(
    log: &EventLog,
    number: &PatientNumber,
    facility: Option<FacilityId>,
) -> Result<Vec<(FacilityId, PatientId)>, ReplayError> {
    let scope = facility.map(|facility| facility.0);
    let holders = log.key_holders_by_scope(KeyKind::PatientNumber, number.as_str(), scope).await?;
    Ok(holders.into_iter().map(|(scope, stream)| (FacilityId(scope), PatientId(stream.id()))).collect())
}

async fn practice(log: &EventLog, id: FacilityId) -> Result<Practice, ReplayError> {
    let mut facility = Facility::default();
    for event in log.load(&Facility::stream(id.0), StreamVersion::ZERO).await? {
        let event: FacilityEvent = event.decode().map_err(LogError::from)?;
        cqrs_es::Aggregate::apply(&mut facility, event);
    }
    // A practice that was never opened, or a zone that this machine's database has lost, is no reason to show nothing.
    let time_zone = TimeZone::get(&facility.time_zone).unwrap_or(TimeZone::UTC);
    Ok(Practice { id, name: facility.name, time_zone })
}
