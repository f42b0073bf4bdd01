//! The read model of appointments: the calendar of a facility, by time, practitioner and patient.

mod queries;
mod view;

use domain::appointment::{Appointment, AppointmentEvent, AppointmentStatus};
use domain::event::{LoggedEvent, RecordedEvent};
use domain::values::{CodeValue, TextValue, fold};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::folding::{States, begun, changed, follow_from};
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio_postgres::types::Json;

pub use self::queries::{
    AppointmentCursor, AppointmentFilter, AppointmentPage, AppointmentPageStart, AppointmentQueries,
};
pub use self::view::AppointmentView;

const COLUMN: &str = "appointments.appointment";
const MALFORMED: ProjectionError = ProjectionError::Malformed(COLUMN);

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Appointments;

impl Projection for Appointments {
    fn name(&self) -> &'static str {
        "appointments"
    }

    fn version(&self) -> u32 {
        4
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
            // While users book, most batches are new appointments, which have no rows yet.
            let continued = &changed(events) - &begun(events);
            let known = include_str!("../../sql/appointments/known.sql");
            write(&follow_from(continued, known, COLUMN, events, tx).await?, tx).await
        }
        .boxed()
    }
}

async fn write(appointments: &States<Appointment>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut practitioners, mut patients) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut rooms, mut series, mut links) = (Vec::new(), Vec::new(), Vec::new());
    let (mut starts, mut ends, mut in_parts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut statuses, mut take_time) = (Vec::new(), Vec::new());
    let (mut types, mut held, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let (mut documents, mut versions) = (Vec::new(), Vec::new());
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    for (id, known) in appointments {
        let appointment = &known.state;
        // No stream begins with anything but a slot.
        let (Some(slot), Some(status)) = (&appointment.slot, appointment.status) else { return Err(MALFORMED) };
        facilities.push(known.facility_id.0);
        ids.push(*id);
        practitioners.push(slot.practitioner_id.0);
        patients.push(appointment.patient_id.map(|patient| patient.0));
        rooms.push(slot.room_id.map(|room| room.0));
        series.push(appointment.occurrence.map(|occurrence| occurrence.series_id.0));
        links.push(appointment.link_id.map(|link| link.0));
        starts.push(slot.during.from);
        ends.push(slot.hull().until);
        in_parts.push(slot.times().len() > 1);
        statuses.push(status.code());
        take_time.push(status.takes_time());
        types.push(appointment.kind.map(CodeValue::code));
        held.push(appointment.hold_until());
        words.push(words_of(appointment));
        documents.push(Json(appointment));
        versions.push(known.version.to_sql());
        created.push(known.created_at);
        updated.push(known.updated_at);
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
            &in_parts,
            &statuses,
            &take_time,
            &types,
            &held,
            &words,
            &documents,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// The words by which an appointment is found: title and reason, each word behind a space.
fn words_of(appointment: &Appointment) -> String {
    let texts = appointment.texts.value();
    let title = texts.and_then(|texts| texts.title.as_ref()).map(TextValue::as_str);
    let reason = texts.and_then(|texts| texts.reason.as_ref()).map(TextValue::as_str);
    [title, reason].into_iter().flatten().flat_map(searched).map(|word| format!(" {word}")).collect()
}

/// The words of a search, as [`words_of`] puts them together.
fn searched(search: &str) -> Vec<String> {
    fold(search).split_whitespace().map(str::to_owned).collect()
}

/// Whether lists show appointments of this status, if no status is asked for. Released holds are left out.
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
