//! The calendars in which free slots are found: when practitioners are there, and what takes their time. They are as late as
//! read models are; only a booking itself is certain.

use std::collections::HashMap;

use domain::appointment::Slot;
use domain::ids::{FacilityId, PatientId, RoomId, UserId};
use domain::role::Role;
use domain::scheduling::{Calendar, Interval, PracticeTime};
use domain::values::{Specialty, TextValue};
use event_store_schema::Database;
use jiff::{SignedDuration, Timestamp};
use projections_engine::reading::{QueryError, read};
use projections_engine::stored::json_cell;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::queries::known;

/// How far beyond the window bookings are read. A buffer is at most four hours.
const WINDOW_MARGIN: SignedDuration = SignedDuration::from_hours(24);

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
        let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&facility.0, &roles, &named, &specialty, &limit];
        let [rows] = read(&self.0, facility, "bookable", [(bookable, parameters)]).await?;
        let known = rows.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let practitioners: Vec<UserId> = known.iter().map(|known| known.practitioner_id).collect();
        let (mut taken, besides) = self.taken(facility, &practitioners, wanted, window, time.now).await?;
        let calendars = known.into_iter().map(|known| {
            let taken = taken.remove(&known.practitioner_id).unwrap_or_default();
            let calendar = known.availability.calendar(window, &taken, time).without(&besides);
            (known.practitioner_id, calendar)
        });
        Ok(calendars.collect())
    }

    /// What takes the time of these practitioners around a window, and what takes that of the patient and the room.
    async fn taken(
        &self,
        facility: FacilityId,
        practitioners: &[UserId],
        wanted: &Wanted,
        window: Interval,
        now: Timestamp,
    ) -> Result<(HashMap<UserId, Vec<Interval>>, Vec<Interval>), QueryError> {
        let ids: Vec<Uuid> = practitioners.iter().map(|practitioner| practitioner.0).collect();
        let from = window.from.checked_sub(WINDOW_MARGIN).unwrap_or(Timestamp::MIN);
        let until = window.until.checked_add(WINDOW_MARGIN).unwrap_or(Timestamp::MAX);
        let (patient, room) = (wanted.patient.map(|patient| patient.0), wanted.room.map(|room| room.0));
        let busy = include_str!("../../sql/availability/busy.sql");
        let of_practitioners: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[&facility.0, &ids, &from, &until, &now];
        let besides = include_str!("../../sql/availability/busy_besides.sql");
        let of_others: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&facility.0, &patient, &room, &from, &until, &now];
        let (rows, others) = if patient.is_none() && room.is_none() {
            let [rows] = read(&self.0, facility, "busy", [(busy, of_practitioners)]).await?;
            (rows, Vec::new())
        } else {
            let [rows, others] =
                read(&self.0, facility, "busy", [(busy, of_practitioners), (besides, of_others)]).await?;
            (rows, others)
        };
        let taken = rows.iter().map(|row| Ok((UserId(row.try_get("practitioner_id")?), times(row)?)));
        let taken = taken.collect::<Result<HashMap<_, _>, QueryError>>()?;
        let mut besides = Vec::new();
        for row in &others {
            besides.extend(json_cell::<Slot>(row, "slot", "appointments.appointment")?.times());
        }
        Ok((taken, besides))
    }
}

/// The stretches of one practitioner's time that are taken.
fn times(row: &Row) -> Result<Vec<Interval>, QueryError> {
    let starts: Vec<Timestamp> = row.try_get::<_, Option<_>>("starts")?.unwrap_or_default();
    let ends: Vec<Timestamp> = row.try_get::<_, Option<_>>("ends")?.unwrap_or_default();
    let slots: Vec<Json<Slot>> = row.try_get::<_, Option<_>>("slots")?.unwrap_or_default();
    let mut times: Vec<Interval> =
        starts.into_iter().zip(ends).filter_map(|(from, until)| Interval::new(from, until)).collect();
    times.extend(slots.iter().flat_map(|Json(several)| several.times()));
    Ok(times)
}
