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
mod search;

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::{FacilityId, PatientId, Position, StreamVersion};
use domain::patient::{Patient, PatientEvent};
use domain::values::TextValue;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join};
use jiff::Timestamp;
use projections_engine::folding::follow;
use projections_engine::stored::{Malformed, json_cell};
use projections_engine::{Projection, ProjectionError, Share, Transaction};
use serde_json::value::RawValue;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use self::document::{line, patient_of_document};
pub use self::document::{patient_document, patient_fields};
pub use self::history::{patient_as_of, patient_history};
use self::listing::{Listing, Term};
pub use self::page::{PageStart, PatientCursor, PatientFilter, PatientPage};
pub use self::queries::PatientQueries;

const DOCUMENT: &str = "patients.document";
const SUMMARY: &str = "patients.summary";

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

/// Differences of counts, by facility, status, shorter prefix and prefix of the last name. They are in order, so that two
/// transactions that add to the same counts do not deadlock.
type Counts = BTreeMap<(FacilityId, &'static str, String, String), i64>;

/// A patient's row.
#[derive(Clone)]
struct File {
    facility: FacilityId,
    patient: Patient,
    version: StreamVersion,
    position: Position,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A patient before and after a batch.
struct Change {
    before: Option<Listing>,
    after: File,
}

/// The rows of those patients of the batch who were registered before it.
async fn known_patients(
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

fn fold<'e>(
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
struct PatientRows {
    facilities: Vec<Uuid>,
    ids: Vec<Uuid>,
    statuses: Vec<&'static str>,
    last_name_keys: Vec<String>,
    first_name_keys: Vec<String>,
    codes: Vec<String>,
    names: Vec<Option<String>>,
    documents: Vec<Json<Box<RawValue>>>,
    summaries: Vec<Json<Box<RawValue>>>,
    versions: Vec<i64>,
    positions: Vec<i64>,
    created: Vec<Timestamp>,
    updated: Vec<Timestamp>,
}

impl PatientRows {
    fn push(&mut self, id: PatientId, file: &File, listing: Listing) -> Result<(), ProjectionError> {
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

    async fn upsert(&self, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
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

async fn write(changes: &HashMap<PatientId, Change>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
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
fn note(counts: &mut Counts, facility: FacilityId, listing: &Listing, difference: i64) {
    let mut above = String::new();
    for prefix in listing.prefixes() {
        *counts.entry((facility, listing.status, above, prefix.clone())).or_default() += difference;
        above = prefix;
    }
}

/// Adds the differences to the counts. A count of zero has no row, so that a rebuilt read model equals this one.
async fn count(differences: &Counts, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
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
