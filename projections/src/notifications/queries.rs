//! Queries on notifications: pages, the newest first, as a user with read marks sees them.

use domain::ids::{AppointmentId, FacilityId, PatientId, Position, UserId};
use domain::values::{CodeValue, NotificationKind};
use event_store_schema::Database;
use jiff::Timestamp;
use projections_engine::reading::{QueryError, read};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

const MALFORMED: QueryError = QueryError::Malformed("read_model.notifications.kind");

/// What a user has read: everything up to a position, and some besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadMarks {
    /// Everything up to here.
    pub up_to: Position,
    /// And these.
    pub besides: Vec<Position>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationView {
    /// Its id: that of the event which it tells of.
    pub id: Uuid,
    /// What it is about.
    pub kind: NotificationKind,
    /// What kind of resource to look at.
    pub resource_type: String,
    /// Which.
    pub resource_id: Uuid,
    /// The patient it is about.
    pub patient_id: Option<PatientId>,
    /// The appointment it is about.
    pub appointment_id: Option<AppointmentId>,
    /// When that begins, as it is now.
    pub appointment_starts: Option<Timestamp>,
    /// The practitioner it is about.
    pub practitioner_id: Option<UserId>,
    /// How many things it is about, where they are counted.
    pub count: Option<u32>,
    /// When it happened.
    pub recorded_at: Timestamp,
    /// Whether the user has not read it.
    pub unread: bool,
    position: Position,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationPageStart {
    /// At the page of this number, counted from 1.
    Number(u32),
    /// After the page that gave this cursor.
    After(NotificationCursor),
}

/// The end of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationCursor {
    #[serde(rename = "p")]
    position: Position,
}

/// A page of notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationPage {
    /// The notifications, the newest first.
    pub items: Vec<NotificationView>,
    /// How many there are, read or not.
    pub total: u64,
    /// How many of them are unread.
    pub unread: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<NotificationCursor>,
}

/// Queries on notifications.
#[derive(Clone)]
pub struct NotificationQueries(Database);

impl NotificationQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// A page of at most `limit` notifications, of all or of the unread ones.
    pub async fn list(
        &self,
        facility: FacilityId,
        marks: &ReadMarks,
        unread_only: bool,
        start: &NotificationPageStart,
        limit: u32,
    ) -> Result<NotificationPage, QueryError> {
        let (up_to, besides) = (marks.up_to.to_sql(), besides(marks));
        let (before, skipped) = match start {
            NotificationPageStart::Number(number) => {
                (None, i64::from(number.saturating_sub(1)).saturating_mul(limit.into()))
            }
            NotificationPageStart::After(cursor) => (Some(cursor.position.to_sql()), 0),
        };
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let page = include_str!("../../sql/notifications/page.sql");
        let totals = include_str!("../../sql/notifications/totals.sql");
        let [rows, totals] = read(
            &self.0,
            facility,
            "notifications",
            [
                (page, &[&facility.0, &up_to, &besides, &unread_only, &before, &skipped, &asked]),
                (totals, &[&facility.0, &up_to, &besides]),
            ],
        )
        .await?;
        let items = rows.iter().take(limit as usize).map(view).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| rows.len() > items.len());
        let next = next.map(|last| NotificationCursor { position: last.position });
        let count = |name| totals.first().map_or(Ok(0), |row| row.try_get::<_, i64>(name));
        let (total, unread) = (count("total")?.unsigned_abs(), count("unread")?.unsigned_abs());
        Ok(NotificationPage { items, total, unread, next })
    }

    /// Where a notification stands in the log, if it is of this facility.
    pub async fn position_of(&self, facility: FacilityId, id: Uuid) -> Result<Option<Position>, QueryError> {
        let find = include_str!("../../sql/notifications/position.sql");
        let [rows] = read(&self.0, facility, "notification", [(find, &[&facility.0, &id])]).await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?.map(Position::from_sql))
    }
}

fn besides(marks: &ReadMarks) -> Vec<i64> {
    marks.besides.iter().map(|position| position.to_sql()).collect()
}

fn view(row: &Row) -> Result<NotificationView, QueryError> {
    let count: Option<i32> = row.try_get("count")?;
    Ok(NotificationView {
        id: row.try_get("notification_id")?,
        kind: NotificationKind::parse(row.try_get("kind")?).map_err(|_| MALFORMED)?,
        resource_type: row.try_get("resource_type")?,
        resource_id: row.try_get("resource_id")?,
        patient_id: row.try_get::<_, Option<Uuid>>("patient_id")?.map(PatientId),
        appointment_id: row.try_get::<_, Option<Uuid>>("appointment_id")?.map(AppointmentId),
        appointment_starts: row.try_get("appointment_starts")?,
        practitioner_id: row.try_get::<_, Option<Uuid>>("practitioner_id")?.map(UserId),
        count: count.map(i32::unsigned_abs),
        recorded_at: row.try_get("recorded_at")?,
        unread: row.try_get("unread")?,
        position: Position::from_sql(row.try_get("position")?),
    })
}
