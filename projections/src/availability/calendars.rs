//! The calendars in which slots are looked for: when practitioners are there, and what takes their time. They are read when
//! somebody asks, as late as read models are; only a booking itself is sure.

use std::collections::HashMap;

use domain::appointment::Slot;
use domain::ids::{FacilityId, PatientId, RoomId, UserId};
use domain::role::Role;
use domain::scheduling::{Calendar, Interval, PracticeTime};
use domain::values::{Specialty, TextValue};
use event_store_schema::Database;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::queries::known;
use crate::reading::{QueryError, read};

const MALFORMED: QueryError = QueryError::Malformed("appointments.appointment");

/// How far beyond the window bookings are looked at: a buffer is at most four hours.
const AROUND: SignedDuration = SignedDuration::from_hours(24);

/// Whose time is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of these; of anybody if none is named.
    pub practitioners: Vec<UserId>,
    /// Somebody of this specialty.
    pub specialty: Option<Specialty>,
    /// Who has to be free as well.
    pub patient: Option<PatientId>,
    /// What has to be free as well.
    pub room: Option<RoomId>,
}

/// Queries for slots.
#[derive(Clone)]
pub struct CalendarQueries(Database);

impl CalendarQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The calendars, in a window, of those who are wanted and can be booked, by name: at most `limit` of them.
    pub async fn of(
        &self,
        facility: FacilityId,
        wanted: &Wanted,
        window: Interval,
        time: &PracticeTime,
        limit: u32,
    ) -> Result<Vec<(UserId, Calendar)>, QueryError> {
        let roles = Role::PRACTITIONERS.map(Role::name).to_vec();
        let named: Vec<Uuid> = wanted.practitioners.iter().map(|practitioner| practitioner.0).collect();
        let named = Some(named).filter(|named| !named.is_empty());
        let specialty = wanted.specialty.as_ref().map(TextValue::as_str);
        let limit = i64::from(limit);
        let bookable = include_str!("../../sql/availability/bookable.sql");
        let parameters: &[&(dyn ToSql + Sync)] = &[&facility.0, &roles, &named, &specialty, &limit];
        let [rows] = read(&self.0, facility, "bookable", [(bookable, parameters)]).await?;
        let known = rows.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let practitioners: Vec<UserId> = known.iter().map(|known| known.practitioner_id).collect();
        let mut taken = self.busy(facility, &practitioners, window, time.now).await?;
        let besides = self.busy_besides(facility, wanted, window, time.now).await?;
        let calendars = known.into_iter().map(|known| {
            let taken = taken.remove(&known.practitioner_id).unwrap_or_default();
            let calendar = known.availability.calendar(window, &taken, time).without(&besides);
            (known.practitioner_id, calendar)
        });
        Ok(calendars.collect())
    }

    /// What takes the time of each of these practitioners around a window.
    pub async fn busy(
        &self,
        facility: FacilityId,
        practitioners: &[UserId],
        window: Interval,
        now: Timestamp,
    ) -> Result<HashMap<UserId, Vec<Interval>>, QueryError> {
        let ids: Vec<Uuid> = practitioners.iter().map(|practitioner| practitioner.0).collect();
        let Interval { from, until } = around(window);
        let busy = include_str!("../../sql/availability/busy.sql");
        let [rows] = read(&self.0, facility, "busy", [(busy, &[&facility.0, &ids, &from, &until, &now])]).await?;
        rows.iter().map(|row| Ok((UserId(row.try_get("practitioner_id")?), times(row)?))).collect()
    }

    /// What takes the time of a patient or a room around a window.
    async fn busy_besides(
        &self,
        facility: FacilityId,
        wanted: &Wanted,
        window: Interval,
        now: Timestamp,
    ) -> Result<Vec<Interval>, QueryError> {
        let (patient, room) = (wanted.patient.map(|patient| patient.0), wanted.room.map(|room| room.0));
        if patient.is_none() && room.is_none() {
            return Ok(Vec::new());
        }
        let Interval { from, until } = around(window);
        let besides = include_str!("../../sql/availability/busy_besides.sql");
        let parameters: &[&(dyn ToSql + Sync)] = &[&facility.0, &patient, &room, &from, &until, &now];
        let [rows] = read(&self.0, facility, "busy_besides", [(besides, parameters)]).await?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in &rows {
            taken.extend(slot(row.try_get("slot")?)?.times());
        }
        Ok(taken)
    }
}

fn around(window: Interval) -> Interval {
    Interval {
        from: window.from.checked_sub(AROUND).unwrap_or(Timestamp::MIN),
        until: window.until.checked_add(AROUND).unwrap_or(Timestamp::MAX),
    }
}

/// The stretches of one practitioner's time that are taken.
fn times(row: &Row) -> Result<Vec<Interval>, QueryError> {
    let starts: Vec<Timestamp> = row.try_get::<_, Option<_>>("starts")?.unwrap_or_default();
    let ends: Vec<Timestamp> = row.try_get::<_, Option<_>>("ends")?.unwrap_or_default();
    let slots: Vec<Value> = row.try_get::<_, Option<_>>("slots")?.unwrap_or_default();
    let mut times: Vec<Interval> =
        starts.into_iter().zip(ends).filter_map(|(from, until)| Interval::new(from, until)).collect();
    for several in slots {
        times.extend(slot(several)?.times());
    }
    Ok(times)
}

fn slot(stored: Value) -> Result<Slot, QueryError> {
    serde_json::from_value(stored).map_err(|_| MALFORMED)
}
