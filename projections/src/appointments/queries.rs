//! Queries on appointments: one appointment, and pages of the calendar.

use std::collections::HashMap;

use domain::appointment::{AppointmentStatus, AppointmentType};
use domain::ids::{AppointmentId, FacilityId, LinkId, PatientId, SeriesId, StreamVersion, UserId};
use domain::scheduling::Interval;
use domain::values::CodeValue;
use event_store_schema::Database;
use jiff::Timestamp;
use projections_engine::reading::{QueryError, read};
use projections_engine::stored::json_cell;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use super::view::AppointmentView;
use super::{COLUMN, is_listed, searched};

/// Which appointments are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppointmentFilter {
    /// Those that begin at this instant or later.
    pub from: Option<Timestamp>,
    /// Those that begin before this instant.
    pub until: Option<Timestamp>,
    /// Those of these practitioners; all if none is named.
    pub practitioners: Vec<UserId>,
    /// Those of this patient.
    pub patient: Option<PatientId>,
    /// Those of this series.
    pub series: Option<SeriesId>,
    /// Those that were booked together.
    pub link: Option<LinkId>,
    /// Those of these statuses; all but released holds if none is named.
    pub statuses: Vec<AppointmentStatus>,
    /// Those of these kinds; all if none is named.
    pub types: Vec<AppointmentType>,
    /// Those that are still ahead and lie in one of these leaves of their practitioner.
    pub in_leave: Option<Vec<(UserId, Interval)>>,
    /// Those in whose title or reason each word begins a word, whatever the case and the accents.
    pub search: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppointmentPageStart {
    /// At the page of this number, counted from 1.
    Number(u32),
    /// After the page that gave this cursor, of the same list.
    After(AppointmentCursor),
}

/// The end of a page: the place of its last appointment in the calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentCursor {
    #[serde(rename = "t")]
    starts: Timestamp,
    #[serde(rename = "a")]
    appointment: AppointmentId,
    /// How many come before the next page.
    #[serde(rename = "o")]
    offset: u64,
}

/// A page of appointments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppointmentPage {
    /// The appointments, by when they begin.
    pub items: Vec<AppointmentView>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many come before this page.
    pub offset: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<AppointmentCursor>,
}

/// Queries on appointments. A hold is shown until it expires, by the caller's clock.
#[derive(Clone)]
pub struct AppointmentQueries(Database);

impl AppointmentQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// One appointment or hold, whatever its status.
    pub async fn get(&self, facility: FacilityId, id: AppointmentId) -> Result<Option<AppointmentView>, QueryError> {
        let get = include_str!("../../sql/appointments/get.sql");
        let [rows] = read(&self.0, facility, "appointment", [(get, &[&facility.0, &id.0])]).await?;
        rows.first().map(view).transpose()
    }

    /// A page of at most `limit` appointments.
    pub async fn list(
        &self,
        facility: FacilityId,
        filter: &AppointmentFilter,
        start: &AppointmentPageStart,
        limit: u32,
        now: Timestamp,
    ) -> Result<AppointmentPage, QueryError> {
        // An open end is the end of jiff's time, which PostgreSQL knows.
        let (from, until) = (filter.from.unwrap_or(Timestamp::UNIX_EPOCH), filter.until.unwrap_or(Timestamp::MAX));
        let practitioners: Vec<Uuid> = filter.practitioners.iter().map(|practitioner| practitioner.0).collect();
        let practitioners = Some(practitioners).filter(|practitioners| !practitioners.is_empty());
        let (patient, series) = (filter.patient.map(|patient| patient.0), filter.series.map(|series| series.0));
        let link = filter.link.map(|link| link.0);
        let all = AppointmentStatus::ALL.iter().copied().filter(|status| is_listed(*status));
        let statuses: Vec<AppointmentStatus> = match filter.statuses.as_slice() {
            [] => all.collect(),
            named => named.to_vec(),
        };
        let wanted = statuses.iter().filter(|status| filter.in_leave.is_none() || status.is_ahead());
        let statuses: Vec<&str> = wanted.map(|status| status.code()).collect();
        let leave = filter.in_leave.as_deref();
        let whose = leave.map(|leave| leave.iter().map(|(whose, _)| whose.0).collect::<Vec<Uuid>>());
        let leave_from = leave.map(|leave| leave.iter().map(|(_, during)| during.from).collect::<Vec<_>>());
        let leave_until = leave.map(|leave| leave.iter().map(|(_, during)| during.until).collect::<Vec<_>>());
        let types: Vec<&str> = filter.types.iter().map(|kind| kind.code()).collect();
        let types = Some(types).filter(|types| !types.is_empty());
        let search = filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
        let words = search.map(searched);
        let (starts, last, skipped, offset) = match start {
            AppointmentPageStart::Number(number) => {
                let before = u64::from(number.saturating_sub(1)).saturating_mul(limit.into());
                (None, Uuid::nil(), before, before)
            }
            AppointmentPageStart::After(AppointmentCursor { starts, appointment, offset }) => {
                (Some(*starts), appointment.0, 0, *offset)
            }
        };
        if words.as_ref().is_some_and(Vec::is_empty) {
            // No word of the search could ever match.
            return Ok(AppointmentPage { items: Vec::new(), total: 0, offset, next: None });
        }
        let words = words.unwrap_or_default();
        let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let page = include_str!("../../sql/appointments/page.sql");
        let total = include_str!("../../sql/appointments/total.sql");
        let [rows, total] = read(
            &self.0,
            facility,
            "appointments",
            [
                (
                    page,
                    &[
                        &facility.0,
                        &from,
                        &until,
                        &practitioners,
                        &patient,
                        &series,
                        &statuses,
                        &types,
                        &now,
                        &words,
                        &starts,
                        &last,
                        &skipped,
                        &asked,
                        &whose,
                        &leave_from,
                        &leave_until,
                        &link,
                    ],
                ),
                (
                    total,
                    &[
                        &facility.0,
                        &from,
                        &until,
                        &practitioners,
                        &patient,
                        &series,
                        &statuses,
                        &types,
                        &now,
                        &words,
                        &whose,
                        &leave_from,
                        &leave_until,
                        &link,
                    ],
                ),
            ],
        )
        .await?;
        let items = rows.iter().take(limit as usize).map(view).collect::<Result<Vec<_>, _>>()?;
        let next = match items.last() {
            Some(last) if rows.len() > items.len() => Some(AppointmentCursor {
                starts: last.during.from,
                appointment: last.id,
                offset: offset + items.len() as u64,
            }),
            Some(_) | None => None,
        };
        let total: i64 = total.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(AppointmentPage { items, total: total.unsigned_abs(), offset, next })
    }

    /// The reasons of cancellation of these appointments, where there is one.
    pub async fn cancellation_reasons(
        &self,
        facility: FacilityId,
        ids: &[AppointmentId],
    ) -> Result<HashMap<AppointmentId, String>, QueryError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let reasons = include_str!("../../sql/appointments/cancellations.sql");
        let [rows] = read(&self.0, facility, "cancellation_reasons", [(reasons, &[&facility.0, &ids])]).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            if let Some(reason) = row.try_get("reason")? {
                found.insert(AppointmentId(row.try_get("appointment_id")?), reason);
            }
        }
        Ok(found)
    }
}

fn view(row: &Row) -> Result<AppointmentView, QueryError> {
    let appointment = json_cell(row, "appointment", COLUMN)?;
    let version = StreamVersion::from_sql(row.try_get("version")?);
    let id = AppointmentId(row.try_get("appointment_id")?);
    AppointmentView::of(id, appointment, version, row.try_get("created_at")?, row.try_get("updated_at")?)
        .ok_or(QueryError::Malformed(COLUMN))
}
