//! The rows of patients: what a batch of events makes of those that were there, and the terms and counts that follow.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::event::RecordedEvent;
use domain::ids::{FacilityId, PatientId, Position, StreamVersion};
use domain::patient::Patient;
use domain::values::TextValue;
use futures_util::future::try_join;
use jiff::Timestamp;
use projections_engine::folding::follow;
use projections_engine::stored::{Malformed, json_cell};
use projections_engine::{ProjectionError, Transaction};
use serde_json::value::RawValue;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use super::document::{line, patient_document, patient_of_document};
use super::listing::{Listing, Term};

pub(super) const DOCUMENT: &str = "patients.document";
pub(super) const SUMMARY: &str = "patients.summary";

/// Differences of counts, by facility, status, shorter prefix and prefix of the last name. They are in order, so that two
/// transactions that add to the same counts do not deadlock.
pub(super) type Counts = BTreeMap<(FacilityId, &'static str, String, String), i64>;

/// A patient's row.
#[derive(Clone)]
pub(super) struct File {
    pub(super) facility: FacilityId,
    pub(super) patient: Patient,
    version: StreamVersion,
    position: Position,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A patient before and after a batch.
pub(super) struct Change {
    pub(super) before: Option<Listing>,
    pub(super) after: File,
}

/// The rows of those patients of the batch who were registered before it.
pub(super) async fn known_patients(
    events: &[RecordedEvent],
    tx: &Transaction<'_>,
) -> Result<HashMap<PatientId, Change>, ProjectionError> {
    let first = StreamVersion::ZERO.next();
    let registered: HashSet<Uuid> =
        events.iter().filter(|event| event.version == first).map(|event| event.stream.id()).collect();
    let known: HashSet<Uuid> = events.iter().map(|event| event.stream.id()).collect();
    let known: Vec<Uuid> = known.difference(&registered).copied().collect();
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    let find = tx.prepare_cached(include_str!("../../sql/patients/known.sql")).await?;
    let rows = tx.query(&find, &[&known]).await?;
    rows.iter()
        .map(|row| {
            let document: Box<RawValue> = json_cell(row, "document", DOCUMENT)?;
            let file = File {
                facility: FacilityId(row.try_get("facility_id")?),
                patient: patient_of_document(&document).map_err(|_| Malformed(DOCUMENT))?,
                version: StreamVersion::from_sql(row.try_get("version")?),
                position: Position::from_sql(row.try_get("position")?),
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            };
            let before = Some(Listing::of(&file.patient));
            Ok((PatientId(row.try_get("patient_id")?), Change { before, after: file }))
        })
        .collect()
}

pub(super) fn fold<'e>(
    events: impl IntoIterator<Item = &'e RecordedEvent>,
    known: HashMap<PatientId, Change>,
) -> Result<HashMap<PatientId, Change>, ProjectionError> {
    let mut changes = known;
    for event in events {
        let change = changes.entry(PatientId(event.stream.id())).or_insert_with(|| Change {
            before: None,
            after: File {
                facility: event.facility_id,
                patient: Patient::default(),
                version: StreamVersion::ZERO,
                position: Position::ZERO,
                created_at: event.recorded_at,
                updated_at: event.recorded_at,
            },
        });
        let file = &mut change.after;
        if event.version != file.version.next() {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut file.patient, event)?;
        (file.version, file.position, file.updated_at) = (event.version, event.position, event.recorded_at);
    }
    Ok(changes)
}

/// Rows to write, column by column, as `unnest` takes them.
#[derive(Default)]
pub(super) struct PatientRows {
    pub(super) facilities: Vec<Uuid>,
    pub(super) ids: Vec<Uuid>,
    pub(super) statuses: Vec<&'static str>,
    pub(super) last_name_keys: Vec<String>,
    pub(super) first_name_keys: Vec<String>,
    pub(super) codes: Vec<String>,
    pub(super) names: Vec<Option<String>>,
    pub(super) documents: Vec<Json<Box<RawValue>>>,
    pub(super) summaries: Vec<Json<Box<RawValue>>>,
    pub(super) versions: Vec<i64>,
    pub(super) positions: Vec<i64>,
    pub(super) created: Vec<Timestamp>,
    pub(super) updated: Vec<Timestamp>,
}

impl PatientRows {
    pub(super) fn push(&mut self, id: PatientId, file: &File, listing: Listing) -> Result<(), ProjectionError> {
        let document = patient_document(&file.patient, id, file.version, file.created_at, file.updated_at);
        self.documents.push(Json(document.map_err(|_| Malformed(DOCUMENT))?));
        let summary = line(&file.patient, id, file.version, file.updated_at);
        self.summaries.push(Json(summary.map_err(|_| Malformed(SUMMARY))?));
        let identity = file.patient.identity.value();
        self.names.push(identity.map(|who| format!("{} {}", who.first_name.as_str(), who.last_name.as_str())));
        self.facilities.push(file.facility.0);
        self.ids.push(id.0);
        self.statuses.push(listing.status);
        self.codes.push(listing.codes_text());
        self.last_name_keys.push(listing.last_name_key);
        self.first_name_keys.push(listing.first_name_key);
        self.versions.push(file.version.to_sql());
        self.positions.push(file.position.to_sql());
        self.created.push(file.created_at);
        self.updated.push(file.updated_at);
        Ok(())
    }

    pub(super) async fn upsert(&self, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
        let upsert = tx.prepare_cached(include_str!("../../sql/patients/upsert.sql")).await?;
        let columns: [&(dyn ToSql + Sync); 13] = [
            &self.facilities,
            &self.ids,
            &self.statuses,
            &self.last_name_keys,
            &self.first_name_keys,
            &self.codes,
            &self.names,
            &self.documents,
            &self.summaries,
            &self.versions,
            &self.positions,
            &self.created,
            &self.updated,
        ];
        tx.execute(&upsert, &columns).await?;
        Ok(())
    }
}

#[derive(Default)]
struct TermRows {
    facilities: Vec<Uuid>,
    places: Vec<String>,
    ids: Vec<Uuid>,
    shared: Vec<i16>,
}

impl TermRows {
    fn push(&mut self, facility: FacilityId, id: PatientId, term: Term) {
        self.facilities.push(facility.0);
        self.places.push(term.place);
        self.ids.push(id.0);
        self.shared.push(term.shared);
    }
}

pub(super) async fn write(changes: &HashMap<PatientId, Change>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut rows, mut old_terms, mut new_terms) = (PatientRows::default(), TermRows::default(), TermRows::default());
    let mut counts = Counts::new();
    for (id, Change { before, after }) in changes {
        let listing = Listing::of(&after.patient);
        if before.as_ref() != Some(&listing) {
            let old = before.as_ref().map(Listing::terms).unwrap_or_default();
            let (stay, new): (Vec<Term>, Vec<Term>) = listing.terms().into_iter().partition(|term| old.contains(term));
            for term in old.into_iter().filter(|term| !stay.contains(term)) {
                old_terms.push(after.facility, *id, term);
            }
            for term in new {
                new_terms.push(after.facility, *id, term);
            }
            for (listing, difference) in before.iter().map(|before| (before, -1)).chain([(&listing, 1)]) {
                note(&mut counts, after.facility, listing, difference);
            }
        }
        rows.push(*id, after, listing)?;
    }
    counts.retain(|_, difference| *difference != 0);

    let forget = tx.prepare_cached(include_str!("../../sql/patients/delete_terms.sql")).await?;
    let learn = tx.prepare_cached(include_str!("../../sql/patients/insert_terms.sql")).await?;
    rows.upsert(tx).await?;
    // Sent together and carried out in this order: a term that stays with another `shared` is deleted first.
    try_join(
        tx.execute(&forget, &[&old_terms.facilities, &old_terms.places, &old_terms.ids]),
        tx.execute(&learn, &[&new_terms.facilities, &new_terms.places, &new_terms.ids, &new_terms.shared]),
    )
    .await?;
    count(&counts, tx).await
}

/// Notes a difference in the number of patients who are listed so.
pub(super) fn note(counts: &mut Counts, facility: FacilityId, listing: &Listing, difference: i64) {
    let mut above = String::new();
    for prefix in listing.prefixes() {
        *counts.entry((facility, listing.status, above, prefix.clone())).or_default() += difference;
        above = prefix;
    }
}

/// Adds the differences to the counts. A count of zero has no row, so that a rebuilt read model equals this one.
pub(super) async fn count(differences: &Counts, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    if differences.is_empty() {
        return Ok(());
    }
    let (mut facilities, mut statuses, mut aboves, mut prefixes, mut added) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((facility, status, above, prefix), difference) in differences {
        facilities.push(facility.0);
        statuses.push(*status);
        aboves.push(above.as_str());
        prefixes.push(prefix.as_str());
        added.push(*difference);
    }
    let add = tx.prepare_cached(include_str!("../../sql/patients/add_counts.sql")).await?;
    tx.execute(&add, &[&facilities, &statuses, &aboves, &prefixes, &added]).await?;
    if added.iter().any(|difference| *difference < 0) {
        let sweep = tx.prepare_cached(include_str!("../../sql/patients/sweep_counts.sql")).await?;
        tx.execute(&sweep, &[&facilities, &statuses, &aboves, &prefixes]).await?;
    }
    Ok(())
}
