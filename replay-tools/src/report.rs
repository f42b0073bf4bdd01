//! The answer: what the log tells of a file, in the form that was asked for.

mod table;
mod text;

use std::io::{self, Write};

use domain::ids::{FacilityId, PatientId};
use event_store_schema::EventLog;
use projections::patients::{patient_as_of, patient_history};
use projections_engine::history::{AsOf, HistoryEntry, HistoryError};
use serde::Serialize;

use crate::cli::Format;
use crate::error::ReplayError;
use crate::patient::PatientFile;

/// The history as one document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryDocument<'a> {
    facility_id: FacilityId,
    patient_id: PatientId,
    versions: &'a [HistoryEntry],
}

/// Every version of the file, oldest first.
pub(crate) async fn history(
    log: &EventLog,
    file: &PatientFile,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let versions = patient_history(log, Some(file.practice.id), file.id).await?.unwrap_or_default();
    match format {
        Format::Text => text::history(out, file, &versions)?,
        Format::Json => {
            let document = HistoryDocument { facility_id: file.practice.id, patient_id: file.id, versions: &versions };
            write_document(out, &document)?;
        }
        Format::Ndjson => versions.iter().try_for_each(|version| write_line(out, version))?,
    }
    Ok(())
}

/// The file as it was.
pub(crate) async fn as_of(
    log: &EventLog,
    file: &PatientFile,
    moment: AsOf,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let snapshot = patient_as_of(log, Some(file.practice.id), file.id, moment).await?;
    let snapshot = snapshot.ok_or(ReplayError::NotFound("there was no such patient yet"))?;
    // If the version is still to come, the file has no answer. If the time or the position is still to come, the answer is
    // what the file says now.
    if matches!(moment, AsOf::Version(version) if version != snapshot.version) {
        return Err(ReplayError::NotFound("the file has not come to this version"));
    }
    match format {
        Format::Text => text::as_of(out, file, &snapshot)?,
        Format::Json => write_document(out, &snapshot)?,
        Format::Ndjson => write_line(out, &snapshot)?,
    }
    Ok(())
}

fn write_document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

fn write_line(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    writeln!(out)
}

impl From<HistoryError> for ReplayError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Log(error) => error.into(),
            HistoryError::Unreadable(_) | HistoryError::NoDocument(_) => Self::Untold(error),
        }
    }
}
