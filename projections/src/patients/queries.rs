//! Queries on patients: one of them, and pages of the list or of a search.

use domain::ids::{FacilityId, PatientId, Position, StreamVersion};
use domain::values::{CodeValue, PatientStatus};
use event_store_schema::Database;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use super::listing::Listing;
use super::search::{Word, words};
use crate::reading::{QueryError, read};

/// Up to how many matches of a search are counted. Who gets more types another word.
const MOST_COUNTED: i64 = 10_000;

/// Up to how many terms are counted to find the word of a search that fewest patients match.
const MOST_WEIGHED: i64 = 1_000;

/// Which patients are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatientFilter {
    /// Those of this status; all if none is named.
    pub status: Option<PatientStatus>,
    /// Those in whom each word begins a word of the names, the patient number, the birth date (ISO or French form), the
    /// telephone number or the e-mail address.
    pub search: Option<String>,
}

impl PatientFilter {
    /// Those whom the practice follows.
    pub fn active() -> Self {
        Self { status: Some(PatientStatus::Active), search: None }
    }

    fn statuses(&self) -> Vec<&'static str> {
        match self.status {
            Some(status) => vec![status.code()],
            None => PatientStatus::ALL.iter().map(|status| status.code()).collect(),
        }
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageStart {
    /// At the page of this number, counted from 1.
    Number(u32),
    /// After the page that gave this cursor, of the same list.
    After(PatientCursor),
}

/// The end of a page.
///
/// It names the last patient instead of the place in the order, which would be a name: cursors stand in addresses, and
/// addresses in the logs of others. If the patient has changed since, the place is found by counting instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatientCursor {
    /// The page's last patient.
    #[serde(rename = "p")]
    patient: PatientId,
    /// The version they had.
    #[serde(rename = "v")]
    version: StreamVersion,
    /// How many patients come before the next page.
    #[serde(rename = "o")]
    offset: u64,
    /// By which word a search walks.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    word: Option<usize>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientSummary {
    /// The patient.
    pub id: PatientId,
    /// The number in the practice.
    pub patient_number: String,
    /// Family name; none if it was erased, as all that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// Administrative gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// Telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `active` or `inactive`.
    pub status: String,
    /// The version of the patient's stream.
    pub version: StreamVersion,
    /// When anything last changed.
    pub updated_at: Timestamp,
}

/// A page of patients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientPage {
    /// The patients: by family name and first name; of a search, those that match exactly come first.
    pub items: Vec<PatientSummary>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether there are even more: of a search, no more than ten thousand are counted.
    pub more_than_total: bool,
    /// How many come before this page.
    pub offset: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<PatientCursor>,
}

impl PatientPage {
    fn empty(offset: u64) -> Self {
        Self { items: Vec::new(), total: 0, more_than_total: false, offset, next: None }
    }
}

/// A patient's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientDocument {
    /// The document, as [`patient_document`](crate::patient_document) makes it.
    pub document: serde_json::Value,
    /// The version of the patient's stream.
    pub version: StreamVersion,
    /// Where in the log that version stands.
    pub position: Position,
}

/// Queries on patients.
#[derive(Clone)]
pub struct PatientQueries(Database);

/// Where a page begins: after a place in the order, or after so many patients.
enum Start {
    After { row: Row, offset: u64 },
    Offset(u64),
}

impl Start {
    fn offset(&self) -> u64 {
        match self {
            Self::After { offset, .. } | Self::Offset(offset) => *offset,
        }
    }
}

impl PatientQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// One patient.
    pub async fn get(&self, facility: FacilityId, id: PatientId) -> Result<Option<PatientDocument>, QueryError> {
        let get = include_str!("../../sql/patients/get.sql");
        let [rows] = read(&self.0, facility, "patient", [(get, &[&facility.0, &id.0])]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(PatientDocument {
            document: row.try_get("document")?,
            version: StreamVersion::from_sql(row.try_get("version")?),
            position: Position::from_sql(row.try_get("position")?),
        }))
    }

    /// A page of at most `limit` patients.
    pub async fn list(
        &self,
        facility: FacilityId,
        filter: &PatientFilter,
        start: &PageStart,
        limit: u32,
    ) -> Result<PatientPage, QueryError> {
        let (start, word) = match start {
            PageStart::Number(number) => {
                (Start::Offset(u64::from(number.saturating_sub(1)).saturating_mul(limit.into())), None)
            }
            PageStart::After(cursor) => (self.place_of(facility, cursor).await?, cursor.word),
        };
        match filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
            None => self.page(facility, filter, start, limit).await,
            Some(search) => self.matches(facility, filter, words(search), word, start, limit).await,
        }
    }

    /// Where the cursor's patient stands, unless they have changed since.
    async fn place_of(&self, facility: FacilityId, cursor: &PatientCursor) -> Result<Start, QueryError> {
        let find = include_str!("../../sql/patients/place.sql");
        let version = cursor.version.to_sql();
        let [mut rows] =
            read(&self.0, facility, "patients_place", [(find, &[&facility.0, &cursor.patient.0, &version])]).await?;
        let offset = cursor.offset;
        Ok(rows.pop().map_or(Start::Offset(offset), |row| Start::After { row, offset }))
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
        let [rows, total] = match &start {
            Start::After { row, .. } => {
                let after = include_str!("../../sql/patients/page_after.sql");
                let last_name_key: &str = row.try_get("last_name_key")?;
                let first_name_key: &str = row.try_get("first_name_key")?;
                let id: Uuid = row.try_get("patient_id")?;
                let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                    [&facility.0, &statuses, &last_name_key, &first_name_key, &id, &asked];
                read(&self.0, facility, "patients", [(after, &parameters), (total, &[&facility.0, &statuses])]).await?
            }
            Start::Offset(offset) => {
                let at = include_str!("../../sql/patients/page_at.sql");
                let offset = sql(*offset);
                let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                    [&facility.0, &statuses, &offset, &asked];
                read(&self.0, facility, "patients", [(at, &parameters), (total, &[&facility.0, &statuses])]).await?
            }
        };
        page_of(&rows, &total, i64::MAX, start.offset(), limit, None)
    }

    async fn matches(
        &self,
        facility: FacilityId,
        filter: &PatientFilter,
        words: Vec<Word>,
        walked: Option<usize>,
        start: Start,
        limit: u32,
    ) -> Result<PatientPage, QueryError> {
        if words.is_empty() {
            return Ok(PatientPage::empty(start.offset()));
        }
        let statuses = filter.statuses();
        let walked = match walked.filter(|word| *word < words.len()) {
            Some(word) => word,
            None => self.rarest(facility, &statuses, &words).await?,
        };
        let walk = Walk::of(&words, walked);
        let word = &words[walked];
        let (from, to, length) = (word.from(), word.to(), word.length());
        let (after, offset) = match &start {
            Start::After { row, .. } => match walk.place(row)? {
                Some(place) => (place, 0),
                // The patient stands elsewhere in the results of this search.
                None => (Place::before(from), sql(start.offset())),
            },
            Start::Offset(offset) => (Place::before(from), sql(*offset)),
        };
        let asked = i64::from(limit) + 1;
        let counted = MOST_COUNTED + 1;
        let search = include_str!("../../sql/patients/search.sql");
        let count = include_str!("../../sql/patients/search_total.sql");
        let [rows, total] = read(
            &self.0,
            facility,
            "patients_search",
            [
                (
                    search,
                    &[
                        &facility.0,
                        &statuses,
                        &to,
                        &length,
                        &walk.names,
                        &walk.codes,
                        &after.term,
                        &after.last_name_key,
                        &after.first_name_key,
                        &after.id,
                        &offset,
                        &asked,
                    ],
                ),
                (count, &[&facility.0, &statuses, &from, &to, &length, &walk.names, &walk.codes, &counted]),
            ],
        )
        .await?;
        page_of(&rows, &total, MOST_COUNTED, start.offset(), limit, Some(walked))
    }

    /// Which of the words fewest patients match; of those that very many match, the longest.
    async fn rarest(&self, facility: FacilityId, statuses: &[&str], words: &[Word]) -> Result<usize, QueryError> {
        if words.len() == 1 {
            return Ok(0);
        }
        let weigh = include_str!("../../sql/patients/weigh_words.sql");
        let from: Vec<&str> = words.iter().map(Word::from).collect();
        let to: Vec<String> = words.iter().map(Word::to).collect();
        let [rows] =
            read(&self.0, facility, "patients_words", [(weigh, &[&facility.0, &statuses, &from, &to, &MOST_WEIGHED])])
                .await?;
        let weights = rows.iter().map(|row| row.try_get::<_, i64>(0)).collect::<Result<Vec<_>, _>>()?;
        let lightest = (0..words.len()).zip(weights).min_by_key(|(word, weight)| (*weight, -words[*word].length()));
        Ok(lightest.map_or(0, |(word, _)| word))
    }
}

/// A place among the results of a search.
struct Place {
    term: String,
    last_name_key: String,
    first_name_key: String,
    id: Uuid,
}

impl Place {
    fn before(term: &str) -> Self {
        Self { term: term.to_owned(), last_name_key: String::new(), first_name_key: String::new(), id: Uuid::nil() }
    }
}

/// A search by one of its words, and what the others ask of each patient on the way.
struct Walk<'a> {
    word: &'a Word,
    /// Patterns for the names: words of letters and digits only, so there is nothing to escape.
    names: Vec<String>,
    codes: Vec<String>,
}

impl<'a> Walk<'a> {
    fn of(words: &'a [Word], walked: usize) -> Self {
        let others = || words.iter().enumerate().filter(move |(at, _)| *at != walked).map(|(_, word)| word);
        Self {
            word: &words[walked],
            names: others().filter(|word| word.code().is_none()).map(|word| format!("% {}%", word.from())).collect(),
            codes: others().filter_map(Word::code).map(|code| format!(" {code}")).collect(),
        }
    }

    /// Where a patient of `place.sql` stands among the results, if the walked word matches them.
    fn place(&self, row: &Row) -> Result<Option<Place>, QueryError> {
        let listing =
            Listing::from_row(row.try_get("last_name_key")?, row.try_get("first_name_key")?, row.try_get("codes")?);
        let id = row.try_get("patient_id")?;
        let matching = listing.terms().into_iter().find(|term| term.text.starts_with(self.word.from()));
        Ok(matching.map(|term| Place {
            term: term.text,
            last_name_key: listing.last_name_key,
            first_name_key: listing.first_name_key,
            id,
        }))
    }
}

fn page_of(
    rows: &[Row],
    total: &[Row],
    most_counted: i64,
    offset: u64,
    limit: u32,
    word: Option<usize>,
) -> Result<PatientPage, QueryError> {
    let counted: i64 = total.first().map_or(Ok(0), |row| row.try_get(0))?;
    let items = rows.iter().take(limit as usize).map(summary).collect::<Result<Vec<_>, _>>()?;
    let next = match items.last() {
        Some(last) if rows.len() > items.len() => {
            Some(PatientCursor { patient: last.id, version: last.version, offset: offset + items.len() as u64, word })
        }
        Some(_) | None => None,
    };
    Ok(PatientPage {
        items,
        total: counted.min(most_counted).unsigned_abs(),
        more_than_total: counted > most_counted,
        offset,
        next,
    })
}

fn summary(row: &Row) -> Result<PatientSummary, tokio_postgres::Error> {
    Ok(PatientSummary {
        id: PatientId(row.try_get("patient_id")?),
        patient_number: row.try_get("patient_number")?,
        last_name: row.try_get("last_name")?,
        first_name: row.try_get("first_name")?,
        birth_date: row.try_get("birth_date")?,
        gender: row.try_get("gender")?,
        phone: row.try_get("phone")?,
        email: row.try_get("email")?,
        status: row.try_get("status")?,
        version: StreamVersion::from_sql(row.try_get("version")?),
        updated_at: row.try_get("updated_at")?,
    })
}

fn sql(offset: u64) -> i64 {
    // Far behind every list, and still to be added to.
    i64::try_from(offset).unwrap_or(i64::MAX).min(i64::from(u32::MAX) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_journey_and_names_nobody() {
        let cursor = PatientCursor {
            patient: PatientId(Uuid::from_u128(7)),
            version: StreamVersion::from(3),
            offset: 50,
            word: Some(1),
        };
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(json, r#"{"p":"00000000-0000-0000-0000-000000000007","v":3,"o":50,"w":1}"#);
        assert_eq!(serde_json::from_str::<PatientCursor>(&json).unwrap(), cursor);
    }

    #[test]
    fn the_words_that_are_not_walked_are_asked_for_on_the_way() {
        let words = words("Zoé martin P26 z_e@x.fr");
        let texts: Vec<&str> = words.iter().map(Word::from).collect();
        assert_eq!(texts, ["#p26", "#z_e@x.fr", "martin", "zoe"]);
        let walk = Walk::of(&words, 3);
        assert_eq!(
            (walk.names, walk.codes),
            (vec!["% martin%".to_owned()], vec![" p26".to_owned(), " z_e@x.fr".to_owned()])
        );
    }
}
