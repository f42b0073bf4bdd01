//! Queries on patients: one of them, and pages of the list or of a search.

use domain::ids::{FacilityId, PatientId, Position, StreamVersion};
use event_store_schema::Database;
use tokio_postgres::Row;
use uuid::Uuid;

use super::listing::Listing;
use super::page::{PageStart, PatientCursor, PatientDocument, PatientFilter, PatientPage, page_of};
use super::search::{Word, words};
use crate::reading::{Bound, QueryError, read};

/// Up to how many matches of a search are counted, so that a search costs the same in a practice of any size. Who gets
/// more types another word.
const MOST_COUNTED: i64 = 1_000;

/// Up to how many terms are counted to find the word of a search that fewest patients match.
const MOST_WEIGHED: i64 = 1_000;

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
                let before = u64::from(number.saturating_sub(1));
                (Start { place: None, offset: before.saturating_mul(limit.into()) }, None)
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
        Ok(match rows.pop() {
            Some(row) => Start { place: Some(row), offset: cursor.offset },
            // They may have moved behind this place: rather show one patient twice than leave one out.
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
        page_of(&rows, &total, i64::MAX, start.offset, limit, None)
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
            return Ok(PatientPage::empty(start.offset));
        }
        let statuses = filter.statuses();
        let walked = match walked.filter(|word| *word < words.len()) {
            Some(word) => word,
            None => self.rarest(facility, &statuses, &words).await?,
        };
        let walk = Walk::of(&words, walked);
        let word = &words[walked];
        let (from, to, length) = (word.from(), word.to(), word.length());
        let place = start.place.as_ref().map(|row| walk.place(row)).transpose()?.flatten();
        let offset = if place.is_some() { 0 } else { sql(start.offset) };
        let after = place.unwrap_or_else(|| Place::before(from));
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
        page_of(&rows, &total, MOST_COUNTED, start.offset, limit, Some(walked))
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

fn sql(offset: u64) -> i64 {
    // Far behind every list, and still to be added to.
    i64::try_from(offset).unwrap_or(i64::MAX).min(i64::from(u32::MAX) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

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
