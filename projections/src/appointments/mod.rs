//! The read model of appointments: the calendar of a practice, by time, practitioner and patient.

mod queries;
mod view;

use std::collections::{HashMap, HashSet};

use domain::appointment::{Appointment, AppointmentEvent, AppointmentStatus};
use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::{AppointmentId, FacilityId, StreamVersion};
use domain::values::{CodeValue, TextValue, fold};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::queries::{
    AppointmentCursor, AppointmentFilter, AppointmentPage, AppointmentPageStart, AppointmentQueries,
};
pub use self::view::AppointmentView;
use crate::folding::follow;
use crate::projection::{Projection, ProjectionError, Transaction};

const MALFORMED: ProjectionError = ProjectionError::Malformed("appointments.appointment");

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Appointments;

impl Projection for Appointments {
    fn name(&self) -> &'static str {
        "appointments"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        &["appointments"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/appointments/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/appointments/indexes.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        AppointmentEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut entries = known_entries(events, tx).await?;
            follow_all(events, &mut entries)?;
            write(&entries, tx).await
        }
        .boxed()
    }
}

/// An appointment's row.
struct Entry {
    facility: FacilityId,
    appointment: Appointment,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The rows of those appointments of the batch that were there before it.
async fn known_entries(
    events: &[RecordedEvent],
    tx: &Transaction<'_>,
) -> Result<HashMap<AppointmentId, Entry>, ProjectionError> {
    let begun: HashSet<Uuid> =
        events.iter().filter(|event| event.version.get() == 1).map(|event| event.stream.id()).collect();
    let changed: HashSet<Uuid> = events.iter().map(|event| event.stream.id()).collect();
    let changed: Vec<Uuid> = changed.difference(&begun).copied().collect();
    if changed.is_empty() {
        // As most batches are while people book: nothing was there before.
        return Ok(HashMap::new());
    }
    let find = tx.prepare_cached(include_str!("../../sql/appointments/known.sql")).await?;
    let rows = tx.query(&find, &[&changed]).await?;
    rows.iter()
        .map(|row| {
            let entry = Entry {
                facility: FacilityId(row.try_get("facility_id")?),
                appointment: serde_json::from_value(row.try_get("appointment")?).map_err(|_| MALFORMED)?,
                version: StreamVersion::from_sql(row.try_get("version")?),
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            };
            Ok((AppointmentId(row.try_get("appointment_id")?), entry))
        })
        .collect()
}

fn follow_all(events: &[RecordedEvent], entries: &mut HashMap<AppointmentId, Entry>) -> Result<(), ProjectionError> {
    for event in events {
        let entry = entries.entry(AppointmentId(event.stream.id())).or_insert_with(|| Entry {
            facility: event.facility_id,
            appointment: Appointment::default(),
            version: StreamVersion::ZERO,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
        });
        if event.version != entry.version.next() {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut entry.appointment, event)?;
        (entry.version, entry.updated_at) = (event.version, event.recorded_at);
    }
    Ok(())
}

async fn write(entries: &HashMap<AppointmentId, Entry>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut practitioners, mut patients) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut rooms, mut series, mut links) = (Vec::new(), Vec::new(), Vec::new());
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let (mut statuses, mut types, mut held, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut appointments, mut versions) = (Vec::new(), Vec::new());
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    for (id, Entry { facility, appointment, version, created_at, updated_at }) in entries {
        // No stream begins with anything but a slot.
        let (Some(slot), Some(status)) = (&appointment.slot, appointment.status) else { return Err(MALFORMED) };
        facilities.push(facility.0);
        ids.push(id.0);
        practitioners.push(slot.practitioner_id.0);
        patients.push(appointment.patient_id.map(|patient| patient.0));
        rooms.push(slot.room_id.map(|room| room.0));
        series.push(appointment.occurrence.map(|occurrence| occurrence.series_id.0));
        links.push(appointment.link_id.map(|link| link.0));
        starts.push(slot.during.from);
        ends.push(slot.hull().until);
        statuses.push(status.code());
        types.push(appointment.kind.map(CodeValue::code));
        held.push(appointment.kept_until());
        words.push(words_of(appointment));
        appointments.push(serde_json::to_value(appointment).map_err(|_| MALFORMED)?);
        versions.push(version.to_sql());
        created.push(*created_at);
        updated.push(*updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/appointments/upsert.sql")).await?;
    tx.execute(
        &upsert,
        &[
            &facilities,
            &ids,
            &practitioners,
            &patients,
            &rooms,
            &series,
            &links,
            &starts,
            &ends,
            &statuses,
            &types,
            &held,
            &words,
            &appointments,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// By what an appointment is found: the words of its title and its reason, each behind a space.
fn words_of(appointment: &Appointment) -> String {
    let texts = appointment.texts.value();
    let title = texts.and_then(|texts| texts.title.as_ref()).map(TextValue::as_str);
    let reason = texts.and_then(|texts| texts.reason.as_ref()).map(TextValue::as_str);
    [title, reason].into_iter().flatten().flat_map(searched).map(|word| format!(" {word}")).collect()
}

/// What is searched for, taken apart as [`words_of`] puts it together.
fn searched(search: &str) -> Vec<String> {
    fold(search).split_whitespace().map(str::to_owned).collect()
}

/// Whether lists show appointments of this status unless asked for others: not what was given back.
const fn is_listed(status: AppointmentStatus) -> bool {
    match status {
        AppointmentStatus::Released => false,
        AppointmentStatus::Held
        | AppointmentStatus::Scheduled
        | AppointmentStatus::Confirmed
        | AppointmentStatus::Arrived
        | AppointmentStatus::InProgress
        | AppointmentStatus::Completed
        | AppointmentStatus::Cancelled
        | AppointmentStatus::NoShow => true,
    }
}
