//! Queries on the waiting list: one entry, pages, the line as a policy needs it, and offers that have lapsed.

use domain::ids::{FacilityId, OfferId, PatientId, Position, StreamVersion, UserId, WaitingId};
use domain::values::CodeValue;
use domain::waiting_list::{WaitingEntry, WaitingStatus};
use event_store_schema::Database;
use jiff::Timestamp;
use jiff::civil::Date;
use projections_engine::reading::{QueryError, read, read_of_all};
use projections_engine::stored::json_cell;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

/// An entry of the waiting list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingView {
    /// Its id.
    pub id: WaitingId,
    /// The aggregate.
    pub entry: WaitingEntry,
    /// Where it stands in the line.
    pub place: WaitingCursor,
    /// Its version.
    pub version: StreamVersion,
    /// Since when the patient waits.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which entries are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitingFilter {
    /// Those of these statuses; open ones if none is named.
    pub statuses: Vec<WaitingStatus>,
    /// Those of this patient.
    pub patient: Option<PatientId>,
    /// Those that name this practitioner.
    pub practitioner: Option<UserId>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingPageStart {
    /// At the page of this number, counted from 1.
    Number(u32),
    /// After the page that gave this cursor, of the same list.
    After(WaitingCursor),
}

/// A place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingCursor {
    #[serde(rename = "u")]
    urgency: i16,
    #[serde(rename = "j")]
    joined: Position,
}

/// A page of the waiting list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPage {
    /// The entries, first in line first.
    pub items: Vec<WaitingView>,
    /// How many there are on all pages.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<WaitingCursor>,
}

/// An offer without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOffer {
    /// In which practice.
    pub facility_id: FacilityId,
    /// To whom it was made.
    pub waiting_id: WaitingId,
    /// Which.
    pub offer_id: OfferId,
}

/// Queries on the waiting list.
#[derive(Clone)]
pub struct WaitingQueries(Database);

impl WaitingQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// One entry, whatever its status.
    pub async fn get(&self, facility: FacilityId, id: WaitingId) -> Result<Option<WaitingView>, QueryError> {
        let get = include_str!("../../sql/waiting_list/get.sql");
        let [rows] = read(&self.0, facility, "waiting", [(get, &[&facility.0, &id.0])]).await?;
        rows.first().map(view).transpose()
    }

    /// A page of at most `limit` entries.
    pub async fn list(
        &self,
        facility: FacilityId,
        filter: &WaitingFilter,
        start: &WaitingPageStart,
        limit: u32,
    ) -> Result<WaitingPage, QueryError> {
        let open = WaitingStatus::ALL.iter().copied().filter(|status| status.is_open());
        let statuses: Vec<&str> = match filter.statuses.as_slice() {
            [] => open.map(CodeValue::code).collect(),
            named => named.iter().map(|status| status.code()).collect(),
        };
        let (patient, practitioner) = (filter.patient.map(|id| id.0), filter.practitioner.map(|id| id.0));
        let (urgency, joined, skipped) = match start {
            WaitingPageStart::Number(number) => {
                (None, 0, i64::from(number.saturating_sub(1)).saturating_mul(limit.into()))
            }
            WaitingPageStart::After(place) => (Some(place.urgency), place.joined.to_sql(), 0),
        };
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let page = include_str!("../../sql/waiting_list/page.sql");
        let total = include_str!("../../sql/waiting_list/total.sql");
        let [rows, total] = read(
            &self.0,
            facility,
            "waiting_list",
            [
                (page, &[&facility.0, &statuses, &patient, &practitioner, &urgency, &joined, &skipped, &asked]),
                (total, &[&facility.0, &statuses, &patient, &practitioner]),
            ],
        )
        .await?;
        let items = rows.iter().take(limit as usize).map(view).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().map(|last| last.place).filter(|_| rows.len() > items.len());
        let total: i64 = total.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(WaitingPage { items, total: total.unsigned_abs(), next })
    }

    /// The entries that may get an offer on a day or later, and those that have an open offer, first in line first.
    pub async fn line(&self, facility: FacilityId, from: Date) -> Result<Vec<WaitingView>, QueryError> {
        let line = include_str!("../../sql/waiting_list/line.sql");
        let [rows] = read(&self.0, facility, "waiting_line", [(line, &[&facility.0, &from])]).await?;
        rows.iter().map(view).collect()
    }

    /// Offers of all facilities whose time to answer is over: the first hundred.
    pub async fn lapsed(&self, now: Timestamp) -> Result<Vec<OpenOffer>, QueryError> {
        self.open_offers("waiting_lapsed", include_str!("../../sql/waiting_list/lapsed.sql"), now).await
    }

    /// Offers of all facilities that the patient is not told of yet: the first hundred.
    pub async fn untold(&self, now: Timestamp) -> Result<Vec<OpenOffer>, QueryError> {
        self.open_offers("waiting_untold", include_str!("../../sql/waiting_list/untold.sql"), now).await
    }

    async fn open_offers(
        &self,
        name: &'static str,
        statement: &str,
        now: Timestamp,
    ) -> Result<Vec<OpenOffer>, QueryError> {
        let rows = read_of_all(&self.0, name, (statement, &[&now])).await?;
        rows.iter()
            .map(|row| {
                Ok(OpenOffer {
                    facility_id: FacilityId(row.try_get("facility_id")?),
                    waiting_id: WaitingId(row.try_get("waiting_id")?),
                    offer_id: OfferId(row.try_get("offer_id")?),
                })
            })
            .collect()
    }
}

fn view(row: &Row) -> Result<WaitingView, QueryError> {
    Ok(WaitingView {
        id: WaitingId(row.try_get("waiting_id")?),
        entry: json_cell(row, "entry", "waiting_list.entry")?,
        place: WaitingCursor { urgency: row.try_get("urgency")?, joined: Position::from_sql(row.try_get("joined")?) },
        version: StreamVersion::from_sql(row.try_get("version")?),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
