//! Queries on reminders: those of an appointment, for a user; and what is due in all facilities, for the server that sends
//! messages.

use std::collections::HashMap;

use domain::ids::{AppointmentId, FacilityId, PatientId};
use domain::reminder::{ReminderPlan, ReminderRule};
use domain::values::{Channel, CodeValue};
use event_store_schema::Database;
use jiff::Timestamp;
use jiff::civil::Date;
use projections_engine::reading::{QueryError, read, read_of_all};
use projections_engine::stored::json_cell;
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

const MALFORMED: QueryError = QueryError::Malformed("reminders.channel");

/// A reminder of an appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderView {
    /// Which one.
    #[serde(flatten)]
    pub rule: ReminderRule,
    /// When it is due; never, if it should have come before it was meant.
    pub due_at: Option<Timestamp>,
    /// `pending`, `past`, `sent`, `uncertain` or `failed`.
    pub state: String,
}

/// The key of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReminderKey {
    /// Of which appointment.
    pub appointment_id: AppointmentId,
    /// When the appointment begins.
    pub starts: Timestamp,
    /// By which rule.
    pub rule: ReminderRule,
}

/// A reminder that is due, or that comes in one message with one that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueReminder {
    /// The facility.
    pub facility_id: FacilityId,
    /// The patient.
    pub patient_id: PatientId,
    /// Which reminder.
    pub key: ReminderKey,
    /// The day on which the appointment begins, on the practice's wall.
    pub day: Date,
    /// From when on it is due.
    pub due_at: Timestamp,
    /// Until when it is of use.
    pub expires_at: Timestamp,
}

/// How many reminders are due and not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueBacklog {
    /// How many.
    pub count: u64,
    /// Since when the first of them is due.
    pub since: Option<Timestamp>,
}

/// Queries on reminders.
#[derive(Clone)]
pub struct ReminderQueries(Database);

impl ReminderQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The reminders of these appointments, the first to come first.
    pub async fn of(
        &self,
        facility: FacilityId,
        appointments: &[AppointmentId],
    ) -> Result<HashMap<AppointmentId, Vec<ReminderView>>, QueryError> {
        let ids: Vec<Uuid> = appointments.iter().map(|id| id.0).collect();
        let of = include_str!("../../sql/reminders/of.sql");
        let [rows] = read(&self.0, facility, "reminders", [(of, &[&facility.0, &ids])]).await?;
        let mut found: HashMap<AppointmentId, Vec<ReminderView>> = HashMap::new();
        for row in &rows {
            let view = ReminderView { rule: rule(row)?, due_at: row.try_get("due_at")?, state: row.try_get("state")? };
            found.entry(AppointmentId(row.try_get("appointment_id")?)).or_default().push(view);
        }
        Ok(found)
    }

    /// The reminders of an appointment as they are planned, with what became of them.
    pub async fn plan(&self, facility: FacilityId, id: AppointmentId) -> Result<Option<ReminderPlan>, QueryError> {
        let plan = include_str!("../../sql/reminders/plan.sql");
        let [rows] = read(&self.0, facility, "reminder_plan", [(plan, &[&facility.0, &id.0])]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(json_cell(row, "plan", "reminder_plans.plan")?))
    }

    /// The reminders of all facilities that are due at an instant, at most `limit`, and those that come in one message with
    /// them. Reminders `at_work` are left out.
    pub async fn due(
        &self,
        now: Timestamp,
        at_work: &[ReminderKey],
        limit: u32,
    ) -> Result<Vec<DueReminder>, QueryError> {
        let (mut ids, mut starts) = (Vec::<Uuid>::new(), Vec::new());
        let (mut channels, mut minutes) = (Vec::<&str>::new(), Vec::<i32>::new());
        for key in at_work {
            ids.push(key.appointment_id.0);
            starts.push(key.starts);
            channels.push(key.rule.channel.code());
            minutes.push(i32::try_from(key.rule.minutes_before).unwrap_or(i32::MAX));
        }
        let due = include_str!("../../sql/reminders/due.sql");
        let limit = i64::from(limit);
        let rows =
            read_of_all(&self.0, "reminders_due", (due, &[&now, &ids, &starts, &channels, &minutes, &limit])).await?;
        rows.iter()
            .map(|row| {
                let key = ReminderKey {
                    appointment_id: AppointmentId(row.try_get("appointment_id")?),
                    starts: row.try_get("starts")?,
                    rule: rule(row)?,
                };
                Ok(DueReminder {
                    facility_id: FacilityId(row.try_get("facility_id")?),
                    patient_id: PatientId(row.try_get("patient_id")?),
                    key,
                    day: row.try_get("day")?,
                    due_at: row.try_get("due_at")?,
                    expires_at: row.try_get("expires_at")?,
                })
            })
            .collect()
    }

    /// How many are due at an instant, in all facilities.
    pub async fn backlog(&self, now: Timestamp) -> Result<DueBacklog, QueryError> {
        let backlog = include_str!("../../sql/reminders/backlog.sql");
        let rows = read_of_all(&self.0, "reminders_backlog", (backlog, &[&now])).await?;
        let Some(row) = rows.first() else { return Ok(DueBacklog::default()) };
        let count: i64 = row.try_get("count")?;
        Ok(DueBacklog { count: count.unsigned_abs(), since: row.try_get("since")? })
    }
}

fn rule(row: &Row) -> Result<ReminderRule, QueryError> {
    let channel = Channel::parse(row.try_get("channel")?).map_err(|_| MALFORMED)?;
    let minutes: i32 = row.try_get("minutes_before")?;
    Ok(ReminderRule { channel, minutes_before: minutes.unsigned_abs() })
}
