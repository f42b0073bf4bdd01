//! Queries on patients: one patient, and pages of the list or of a search.

use std::collections::HashMap;

use domain::ids::{FacilityId, PatientId};
use event_store_schema::Database;
use projections_engine::reading::{Bound, QueryError, read};
use projections_engine::stored::Stored;
use tokio_postgres::Row;
use uuid::Uuid;

use super::listing::Listing;
use super::page::{PageStart, PatientCursor, PatientFilter, PatientPage, page_of};
use super::rows::DOCUMENT;
use super::search::{Walk, words};

/// How many matches of a search are counted at most, so that a search costs the same in a facility of any size. A user who
/// gets more types another word.
const MOST_COUNTED: i64 = 1_000;

/// Queries on patients.
#[derive(Clone)]
pub struct PatientQueries(Database);

/// Where a page begins.
struct Start {
    /// After this row of `place.sql`, if it is known.
    place: Option<Row>,
    /// After so many patients.
    offset: u64,
}

impl PatientQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// One patient, as sent.
    pub async fn get(&self, facility: FacilityId, id: PatientId) -> Result<Option<Stored<PatientId>>, QueryError> {
        let get = include_str!("../../sql/patients/get.sql");
        let [rows] = read(&self.0, facility, "patient", [(get, &[&facility.0, &id.0])]).await?;
        let stored = |row: &Row| Stored::from_row(row, id, "document", DOCUMENT);
        Ok(rows.first().map(stored).transpose()?)
    }

    /// The names of these patients, first name first. An erased patient has none.
    pub async fn names(
        &self,
        facility: FacilityId,
        ids: &[PatientId],
    ) -> Result<HashMap<PatientId, String>, QueryError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let names = include_str!("../../sql/patients/names.sql");
        let [rows] = read(&self.0, facility, "patient_names", [(names, &[&facility.0, &ids])]).await?;
        rows.iter().map(|row| Ok((PatientId(row.try_get("patient_id")?), row.try_get("name")?))).collect()
    }

    /// A page of at most `limit` patients.
    pub async fn list(
        &self,
        facility: FacilityId,
        filter: &PatientFilter,
        start: &PageStart,
        limit: u32,
    ) -> Result<PatientPage, QueryError> {
        let start = match start {
            PageStart::Number(number) => {
                let before = u64::from(number.saturating_sub(1));
                Start { place: None, offset: before.saturating_mul(limit.into()) }
            }
            PageStart::After(cursor) => self.place_of(facility, cursor).await?,
        };
        match filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
            None => self.page(facility, filter, start, limit).await,
            Some(search) => match Walk::of(words(search)) {
                Some(walk) => self.matches(facility, filter, &walk, start, limit).await,
                None => Ok(PatientPage::empty(start.offset)),
            },
        }
    }

    /// The place of the cursor's patient, unless the patient has changed since.
    async fn place_of(&self, facility: FacilityId, cursor: &PatientCursor) -> Result<Start, QueryError> {
        let find = include_str!("../../sql/patients/place.sql");
        let version = cursor.version.to_sql();
        let [mut rows] =
            read(&self.0, facility, "patients_place", [(find, &[&facility.0, &cursor.patient.0, &version])]).await?;
        Ok(match rows.pop() {
            Some(row) => Start { place: Some(row), offset: cursor.offset },
            // The patient may have moved behind this place: rather show one patient twice than leave one out.
            None => Start { place: None, offset: cursor.offset.saturating_sub(1) },
        })
    }

    async fn page(
        &self,
        facility: FacilityId,
        filter: &PatientFilter,
        start: Start,
        limit: u32,
    ) -> Result<PatientPage, QueryError> {
        let statuses = filter.statuses();
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let total = include_str!("../../sql/patients/total.sql");
        let place: Option<(&str, &str, Uuid)> = match &start.place {
            Some(row) => {
                Some((row.try_get("last_name_key")?, row.try_get("first_name_key")?, row.try_get("patient_id")?))
            }
            None if start.offset == 0 => Some(("", "", Uuid::nil())),
            None => None,
        };
        let [rows, total] = match place {
            Some((last_name_key, first_name_key, id)) => {
                let page = include_str!("../../sql/patients/page_after.sql");
                let page: Bound<'_> = (page, &[&facility.0, &statuses, &last_name_key, &first_name_key, &id, &asked]);
                read(&self.0, facility, "patients", [page, (total, &[&facility.0, &statuses])]).await?
            }
            None => {
                let page = include_str!("../../sql/patients/page_at.sql");
                let page: Bound<'_> = (page, &[&facility.0, &statuses, &sql(start.offset), &asked]);
                read(&self.0, facility, "patients", [page, (total, &[&facility.0, &statuses])]).await?
            }
        };
        page_of(&rows, &total, i64::MAX, start.offset, limit)
    }

    async fn matches(
        &self,
        facility: FacilityId,
        filter: &PatientFilter,
        walk: &Walk,
        start: Start,
        limit: u32,
    ) -> Result<PatientPage, QueryError> {
        let (from, to): (Vec<String>, Vec<String>) =
            filter.statuses().into_iter().map(|status| walk.bounds(status)).unzip();
        let length = walk.word.length();
        let place = start.place.as_ref().map(|row| place_on(walk, row)).transpose()?.flatten();
        let offset = if place.is_some() { 0 } else { sql(start.offset) };
        let (after, id) = place.unwrap_or_default();
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let counted = MOST_COUNTED + 1;
        let search = include_str!("../../sql/patients/search.sql");
        let search: Bound<'_> =
            (search, &[&facility.0, &from, &to, &length, &walk.names, &walk.codes, &after, &id, &offset, &asked]);
        let count = include_str!("../../sql/patients/search_total.sql");
        let count: Bound<'_> = (count, &[&facility.0, &from, &to, &length, &walk.names, &walk.codes, &counted]);
        let [rows, total] = read(&self.0, facility, "patients_search", [search, count]).await?;
        page_of(&rows, &total, MOST_COUNTED, start.offset, limit)
    }
}

/// Where a patient of `place.sql` stands on the walk, without the mark of a status, if it meets them.
fn place_on(walk: &Walk, row: &Row) -> Result<Option<(String, Uuid)>, QueryError> {
    let listing = Listing::from_row(row)?;
    let id = row.try_get("patient_id")?;
    Ok(listing.first_place(&walk.beside, walk.word.text()).map(|place| (place[1..].to_owned(), id)))
}

fn sql(offset: u64) -> i64 {
    // Far behind every list, and still to be added to.
    i64::try_from(offset).unwrap_or(i64::MAX).min(i64::from(u32::MAX) * 1000)
}
