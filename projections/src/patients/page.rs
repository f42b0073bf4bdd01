//! The questions to the list of patients, and its answers.

use domain::ids::{PatientId, StreamVersion};
use domain::values::{CodeValue, PatientStatus};
use projections_engine::reading::QueryError;
use projections_engine::stored::Stored;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::rows::SUMMARY;

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
    /// Active patients.
    pub fn active() -> Self {
        Self { status: Some(PatientStatus::Active), search: None }
    }

    pub(super) fn statuses(&self) -> Vec<&'static str> {
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
/// It names the last patient instead of the place in the order, which would be a name. Cursors stand in addresses, and
/// addresses in the logs of others. If the patient has changed since, the place is found by counting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatientCursor {
    /// The page's last patient.
    #[serde(rename = "p")]
    pub(super) patient: PatientId,
    /// The version they had.
    #[serde(rename = "v")]
    pub(super) version: StreamVersion,
    /// How many patients come before the next page.
    #[serde(rename = "o")]
    pub(super) offset: u64,
}

/// A page of patients.
#[derive(Clone, Debug, PartialEq)]
pub struct PatientPage {
    /// The patients' lines: by family name and first name; of a search, those that match exactly come first.
    pub items: Vec<Stored<PatientId>>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether there are even more: of a search, no more than a thousand are counted.
    pub more_than_total: bool,
    /// How many come before this page.
    pub offset: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<PatientCursor>,
}

impl PatientPage {
    pub(super) fn empty(offset: u64) -> Self {
        Self { items: Vec::new(), total: 0, more_than_total: false, offset, next: None }
    }
}

/// The page of the rows of `page_*.sql` or `search.sql`. One row more than `limit` tells that there is another page. `total`
/// is the row of the total.
pub(super) fn page_of(
    rows: &[Row],
    total: &[Row],
    most_counted: i64,
    offset: u64,
    limit: u32,
) -> Result<PatientPage, QueryError> {
    let counted: i64 = total.first().map_or(Ok(0), |row| row.try_get(0))?;
    let items = rows.iter().take(limit as usize).map(summary).collect::<Result<Vec<_>, _>>()?;
    let next = match items.last() {
        Some(last) if rows.len() > items.len() => {
            Some(PatientCursor { patient: last.id, version: last.version, offset: offset + items.len() as u64 })
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

fn summary(row: &Row) -> Result<Stored<PatientId>, QueryError> {
    Ok(Stored::from_row(row, PatientId(row.try_get("patient_id")?), "summary", SUMMARY)?)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_survives_its_journey_and_names_nobody() {
        let cursor =
            PatientCursor { patient: PatientId(Uuid::from_u128(7)), version: StreamVersion::from(3), offset: 50 };
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(json, r#"{"p":"00000000-0000-0000-0000-000000000007","v":3,"o":50}"#);
        assert_eq!(serde_json::from_str::<PatientCursor>(&json).unwrap(), cursor);
    }
}
