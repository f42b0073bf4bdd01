//! An appointment, as the API shows it.

use domain::appointment::{Appointment, AppointmentPriority, AppointmentStatus, AppointmentType};
use domain::ids::{AppointmentId, LinkId, PatientId, RoomId, SeriesId, StreamVersion, UserId};
use domain::personal::Revealed;
use domain::scheduling::Interval;
use domain::values::TextValue;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Serialize;

/// An appointment or a hold. If the patient was erased, what is open is left, and `forgotten` says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppointmentView {
    /// Its id.
    pub id: AppointmentId,
    /// Where it is in its life.
    pub status: AppointmentStatus,
    /// The practitioner.
    pub practitioner_id: UserId,
    /// The patient; none for a hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<PatientId>,
    /// The room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// When.
    pub during: Interval,
    /// Further times that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_slots: Vec<Interval>,
    /// The zone in which they were booked.
    pub time_zone: String,
    /// When a hold expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Timestamp>,
    /// The kind of visit.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AppointmentType>,
    /// How pressing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<AppointmentPriority>,
    /// The series it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_id: Option<SeriesId>,
    /// When the series says that it begins, on the clock of the practice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_start: Option<DateTime>,
    /// What was booked together with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_id: Option<LinkId>,
    /// Whether it lies outside the hours as they were when it was booked.
    pub outside_availability: bool,
    /// Over which appointments it was meant to lie.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<AppointmentId>,
    /// What calendars show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why the patient comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else is good to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// Whether the patient's personal data was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
    /// Its version.
    pub version: StreamVersion,
    /// When it was booked, or the hold was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl AppointmentView {
    /// The appointment of this id; none before anything happened.
    pub fn of(
        id: AppointmentId,
        appointment: Appointment,
        version: StreamVersion,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Option<Self> {
        fn text<T: TextValue>(value: T) -> String {
            value.as_str().to_owned()
        }
        let held_until = appointment.hold_until();
        let slot = appointment.slot?;
        let forgotten = appointment.patient_id.is_some() && appointment.texts == Revealed::Forgotten;
        let texts = appointment.texts.into_value().unwrap_or_default();
        let cancellation = appointment.cancellation.into_value().unwrap_or_default();
        Some(Self {
            id,
            status: appointment.status?,
            practitioner_id: slot.practitioner_id,
            patient_id: appointment.patient_id,
            room_id: slot.room_id,
            during: slot.during,
            additional_slots: slot.additional_slots,
            time_zone: appointment.time_zone,
            held_until,
            kind: appointment.kind,
            priority: appointment.priority,
            series_id: appointment.occurrence.map(|occurrence| occurrence.series_id),
            original_start: appointment.occurrence.map(|occurrence| occurrence.original_start),
            link_id: appointment.link_id,
            outside_availability: appointment.outside_availability,
            beside: appointment.overlaps,
            title: texts.title.map(text),
            reason: texts.reason.map(text),
            notes: texts.notes.map(text),
            cancellation_reason: cancellation.reason.map(text),
            forgotten,
            version,
            created_at,
            updated_at,
        })
    }
}
