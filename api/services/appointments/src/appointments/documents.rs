//! An appointment as the API shows it: the fields of the existing web client, under its names, and the instants.

use domain::appointment::{AppointmentPriority, AppointmentStatus, AppointmentType};
use domain::scheduling::{Interval, Repeated};
use domain::values::CodeValue;
use jiff::tz::TimeZone;
use poem_openapi::Object;
use projections::appointments::AppointmentView;
use uuid::Uuid;

use super::times::{AdditionalSlotDocument, ClockTimes};
use frame::instants::{rfc3339, wall_time};
use frame::unparsed_code::UnparsedCode;

/// An appointment, or a slot that is held. Fields that are not known are left out; all texts are, once the patient has
/// been erased.
#[derive(Debug, Object)]
#[oai(rename = "Appointment", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct AppointmentDocument {
    id: Uuid,
    status: UnparsedCode<AppointmentStatus>,
    /// Left out of a slot that is held.
    patient_id: Option<Uuid>,
    practitioner_id: Uuid,
    room_id: Option<Uuid>,
    /// `YYYY-MM-DD`, where the practice is.
    date: String,
    /// `HH:MM`, where the practice is.
    start_time: String,
    /// `HH:MM`, where the practice is; 24:00 at the end of the day.
    end_time: String,
    /// Which of the two, when the clock shows `startTime` twice.
    repeated_hour: Option<UnparsedCode<Repeated>>,
    /// In minutes.
    duration: u32,
    /// When it begins (RFC 3339, with the offset of the practice).
    start: String,
    /// When it ends (RFC 3339, with the offset of the practice).
    end: String,
    /// The zone of the practice when it was booked (IANA).
    time_zone: String,
    /// Further times that belong to the same visit.
    additional_slots: Vec<AdditionalSlotDocument>,
    r#type: Option<UnparsedCode<AppointmentType>>,
    priority: Option<UnparsedCode<AppointmentPriority>>,
    /// What calendars show.
    title: Option<String>,
    /// Why the patient comes.
    reason: Option<String>,
    notes: Option<String>,
    /// Why it was called off.
    cancellation_reason: Option<String>,
    /// Until when a slot is held (RFC 3339).
    held_until: Option<String>,
    /// The series it belongs to.
    series_id: Option<Uuid>,
    /// When its series says that it begins (`YYYY-MM-DDTHH:MM`, where the practice is).
    original_start: Option<String>,
    /// What was booked together with it.
    link_id: Option<Uuid>,
    /// True if it lies outside the practitioner's hours as they were when it was booked.
    outside_availability: Option<bool>,
    /// The appointments over which it was meant to lie.
    overlaps: Vec<Uuid>,
    /// The version of the appointment, as in the `ETag`.
    version: u64,
    /// When it was booked, or the slot first held (RFC 3339).
    created_at: String,
    /// When it was last changed (RFC 3339).
    updated_at: String,
    /// True once the patient's personal data was erased.
    forgotten: Option<bool>,
}

impl From<AppointmentView> for AppointmentDocument {
    fn from(view: AppointmentView) -> Self {
        // The zone was good when it was booked; a database of zones that lost it is no reason to stop.
        let zone = TimeZone::get(&view.time_zone).unwrap_or(TimeZone::UTC);
        let ClockTimes { date, start, end, repeated_hour } = ClockTimes::of(view.during, &zone);
        Self {
            id: view.id.0,
            status: word(view.status),
            patient_id: view.patient_id.map(|patient| patient.0),
            practitioner_id: view.practitioner_id.0,
            room_id: view.room_id.map(|room| room.0),
            date,
            start_time: start,
            end_time: end,
            repeated_hour,
            duration: minutes(view.during),
            start: rfc3339(view.during.from, &zone),
            end: rfc3339(view.during.until, &zone),
            additional_slots: view
                .additional_slots
                .iter()
                .map(|slot| AdditionalSlotDocument::of(*slot, &zone))
                .collect(),
            time_zone: view.time_zone,
            r#type: view.kind.map(word),
            priority: view.priority.map(word),
            title: view.title,
            reason: view.reason,
            notes: view.notes,
            cancellation_reason: view.cancellation_reason,
            held_until: view.held_until.map(|until| rfc3339(until, &zone)),
            series_id: view.series_id.map(|series| series.0),
            original_start: view.original_start.map(wall_time),
            link_id: view.link_id.map(|link| link.0),
            outside_availability: view.outside_availability.then_some(true),
            overlaps: view.beside.iter().map(|appointment| appointment.0).collect(),
            version: view.version.get(),
            created_at: view.created_at.to_string(),
            updated_at: view.updated_at.to_string(),
            forgotten: view.forgotten.then_some(true),
        }
    }
}

/// How long it takes.
pub(super) fn minutes(during: Interval) -> u32 {
    u32::try_from(during.from.duration_until(during.until).as_mins()).unwrap_or(u32::MAX)
}

/// A code as answers carry it.
pub(crate) fn word<V: CodeValue>(value: V) -> UnparsedCode<V> {
    value.code().to_owned().into()
}
