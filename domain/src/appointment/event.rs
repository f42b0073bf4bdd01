//! What can have happened to an appointment, and what each event reserves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::details::{AppointmentPriority, AppointmentType, Cancellation, Occurrence, Slot, Texts};
use crate::event::LoggedEvent;
use crate::ids::{AppointmentId, LinkId, PatientId, UserId};
use crate::personal::Revealed;
use crate::reminder::{ReminderFailure, ReminderMark, ReminderOutcome, ReminderRule};
use crate::reservation::{Reservation, ResourceKind, TimeHold};
use crate::scheduling::Interval;
use crate::values::Channel;

/// An event of an appointment. Who meets whom, when and where is open, by ids; what was written of it is the patient's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum AppointmentEvent {
    /// A slot is kept for some minutes.
    SlotHeld {
        /// The slot.
        #[serde(flatten)]
        slot: Slot,
        /// The zone of the practice at that time: what people saw on the clock.
        time_zone: String,
        /// From this instant on it is free.
        expires_at: Timestamp,
    },
    /// It is free again.
    SlotReleased {
        /// Whether its time was over.
        expired: bool,
    },
    /// It is an appointment of a patient.
    AppointmentBooked {
        /// For whom.
        patient_id: PatientId,
        /// When, with whom and where.
        #[serde(flatten)]
        slot: Slot,
        /// The zone of the practice at that time.
        time_zone: String,
        /// The kind of visit.
        r#type: AppointmentType,
        /// How pressing it is.
        priority: AppointmentPriority,
        /// Its place in a series.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<Occurrence>,
        /// What was booked together with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link_id: Option<LinkId>,
        /// Whether it lies outside the practitioner's hours.
        outside_availability: bool,
        /// What was written of it.
        #[serde(default)]
        personal: Revealed<Texts>,
    },
    /// It was moved.
    AppointmentRescheduled {
        /// For whom it is, as before.
        patient_id: PatientId,
        /// When, with whom and where from now on.
        #[serde(flatten)]
        slot: Slot,
        /// The zone of the practice at that time.
        time_zone: String,
        /// Whether it lies outside the practitioner's hours.
        outside_availability: bool,
    },
    /// It is about something else.
    AppointmentDetailsChanged {
        /// The fields of the API that differ.
        fields_changed: Vec<String>,
        /// The kind of visit from now on.
        r#type: AppointmentType,
        /// How pressing it is from now on.
        priority: AppointmentPriority,
        /// What is written of it from now on.
        #[serde(default)]
        personal: Revealed<Texts>,
    },
    /// Right after a booking or a move: it lies over other appointments of the practitioner, and is meant to.
    OverlapAccepted {
        /// The practitioner.
        practitioner_id: UserId,
        /// When.
        times: Vec<Interval>,
        /// Which appointments they were.
        appointments: Vec<AppointmentId>,
    },
    /// The patient said that they will come.
    AppointmentConfirmed {
        /// Whether they said so themselves, by a link, rather than to somebody of the practice.
        #[serde(default, skip_serializing_if = "is_false")]
        by_patient: bool,
    },
    /// The patient was here.
    PatientArrived {},
    /// The practitioner began.
    AppointmentStarted {},
    /// The practitioner has seen the patient.
    AppointmentCompleted {},
    /// It was called off.
    AppointmentCancelled {
        /// Whether the patient did it, by a link, rather than somebody of the practice.
        #[serde(default, skip_serializing_if = "is_false")]
        by_patient: bool,
        /// Why.
        #[serde(default)]
        personal: Revealed<Cancellation>,
    },
    /// What was called off, or not attended, is an appointment again.
    AppointmentRestored {
        /// For whom it is, as before.
        patient_id: PatientId,
        /// When, with whom and where, as before.
        #[serde(flatten)]
        slot: Slot,
        /// The zone of the practice at that time.
        time_zone: String,
        /// Whether it lies outside the practitioner's hours.
        outside_availability: bool,
    },
    /// The patient did not come.
    PatientDidNotAttend {},
    /// It was decided how the patient is reminded of it.
    RemindersChosen {
        /// Reminders of its own; none if it is as the practice does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reminders: Option<Vec<ReminderRule>>,
    },
    /// The patient was reminded.
    ReminderSent {
        /// By which rule.
        rule: ReminderRule,
        /// Of which beginning: it may have been moved at the same moment.
        starts: Timestamp,
        /// By which channel; not the rule's if the patient cannot be reached by that.
        channel: Channel,
        /// In which message.
        message_id: Uuid,
        /// Whether the message is known to have been taken. If not, it is not sent again.
        certain: bool,
    },
    /// The patient was not reminded.
    ReminderFailed {
        /// By which rule.
        rule: ReminderRule,
        /// Of which beginning.
        starts: Timestamp,
        /// Why not.
        cause: ReminderFailure,
    },
}

impl AppointmentEvent {
    /// What became of a reminder, if the event tells of one.
    pub fn reminder_mark(&self) -> Option<ReminderMark> {
        match *self {
            Self::ReminderSent { rule, starts, channel, message_id, certain } => {
                let outcome = ReminderOutcome::Sent { channel, message_id, certain };
                Some(ReminderMark { rule, starts, outcome })
            }
            Self::ReminderFailed { rule, starts, cause } => {
                Some(ReminderMark { rule, starts, outcome: ReminderOutcome::Failed { cause } })
            }
            Self::SlotHeld { .. }
            | Self::SlotReleased { .. }
            | Self::AppointmentBooked { .. }
            | Self::AppointmentRescheduled { .. }
            | Self::AppointmentDetailsChanged { .. }
            | Self::OverlapAccepted { .. }
            | Self::AppointmentConfirmed { .. }
            | Self::PatientArrived { .. }
            | Self::AppointmentStarted { .. }
            | Self::AppointmentCompleted { .. }
            | Self::AppointmentCancelled { .. }
            | Self::PatientDidNotAttend { .. }
            | Self::AppointmentRestored { .. }
            | Self::RemindersChosen { .. } => None,
        }
    }

    /// The event that tells of what became of a reminder.
    pub const fn of_reminder(mark: ReminderMark) -> Self {
        let ReminderMark { rule, starts, outcome } = mark;
        match outcome {
            ReminderOutcome::Sent { channel, message_id, certain } => {
                Self::ReminderSent { rule, starts, channel, message_id, certain }
            }
            ReminderOutcome::Failed { cause } => Self::ReminderFailed { rule, starts, cause },
        }
    }
}

impl cqrs_es::DomainEvent for AppointmentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::SlotHeld { .. } => "SlotHeld",
            Self::SlotReleased { .. } => "SlotReleased",
            Self::AppointmentBooked { .. } => "AppointmentBooked",
            Self::AppointmentRescheduled { .. } => "AppointmentRescheduled",
            Self::AppointmentDetailsChanged { .. } => "AppointmentDetailsChanged",
            Self::OverlapAccepted { .. } => "OverlapAccepted",
            Self::AppointmentConfirmed { .. } => "AppointmentConfirmed",
            Self::PatientArrived {} => "PatientArrived",
            Self::AppointmentStarted {} => "AppointmentStarted",
            Self::AppointmentCompleted {} => "AppointmentCompleted",
            Self::AppointmentCancelled { .. } => "AppointmentCancelled",
            Self::PatientDidNotAttend {} => "PatientDidNotAttend",
            Self::AppointmentRestored { .. } => "AppointmentRestored",
            Self::RemindersChosen { .. } => "RemindersChosen",
            Self::ReminderSent { .. } => "ReminderSent",
            Self::ReminderFailed { .. } => "ReminderFailed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::SlotHeld { .. }
            | Self::SlotReleased { .. }
            | Self::AppointmentBooked { .. }
            | Self::AppointmentRescheduled { .. }
            | Self::AppointmentDetailsChanged { .. }
            | Self::OverlapAccepted { .. }
            | Self::AppointmentConfirmed { .. }
            | Self::PatientArrived {}
            | Self::AppointmentStarted {}
            | Self::AppointmentCompleted {}
            | Self::AppointmentCancelled { .. }
            | Self::PatientDidNotAttend {}
            | Self::AppointmentRestored { .. }
            | Self::RemindersChosen { .. }
            | Self::ReminderSent { .. }
            | Self::ReminderFailed { .. } => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for AppointmentEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("SlotHeld", 1),
        ("SlotReleased", 1),
        ("AppointmentBooked", 1),
        ("AppointmentRescheduled", 1),
        ("AppointmentDetailsChanged", 1),
        ("OverlapAccepted", 1),
        ("AppointmentConfirmed", 1),
        ("PatientArrived", 1),
        ("AppointmentStarted", 1),
        ("AppointmentCompleted", 1),
        ("AppointmentCancelled", 1),
        ("PatientDidNotAttend", 1),
        ("AppointmentRestored", 1),
        ("RemindersChosen", 1),
        ("ReminderSent", 1),
        ("ReminderFailed", 1),
    ];

    /// Times of the practitioner, the patient and the room, from the booking until it is called off or nobody came. What
    /// was done keeps its times: nobody else is recorded there later.
    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::SlotHeld { slot, .. } => holds(slot, None),
            Self::AppointmentBooked { patient_id, slot, .. }
            | Self::AppointmentRescheduled { patient_id, slot, .. }
            | Self::AppointmentRestored { patient_id, slot, .. } => holds(slot, Some(*patient_id)),
            // It stands beside those that were there, and still stops the next one that does not say so.
            Self::OverlapAccepted { practitioner_id, times, .. } => {
                let holds = times
                    .iter()
                    .map(|time| TimeHold { resource: practitioner_id.0, during: *time, shared: true })
                    .collect();
                vec![Reservation::Times { kind: ResourceKind::Practitioner, holds }]
            }
            Self::SlotReleased { .. } | Self::AppointmentCancelled { .. } | Self::PatientDidNotAttend {} => {
                ResourceKind::ALL.map(|kind| Reservation::Times { kind, holds: Vec::new() }).into()
            }
            Self::AppointmentDetailsChanged { .. }
            | Self::AppointmentConfirmed { .. }
            | Self::PatientArrived {}
            | Self::AppointmentStarted {}
            | Self::AppointmentCompleted {}
            | Self::RemindersChosen { .. }
            | Self::ReminderSent { .. }
            | Self::ReminderFailed { .. } => Vec::new(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(said: &bool) -> bool {
    !*said
}

fn holds(slot: &Slot, patient: Option<PatientId>) -> Vec<Reservation> {
    let times = slot.times();
    let hold_all = |resource| times.iter().map(move |time| TimeHold { resource, during: *time, shared: false });
    let of = |kind, resource: Option<Uuid>| Reservation::Times {
        kind,
        holds: resource.into_iter().flat_map(hold_all).collect(),
    };
    vec![
        of(ResourceKind::Practitioner, Some(slot.practitioner_id.0)),
        of(ResourceKind::Patient, patient.map(|patient| patient.0)),
        of(ResourceKind::Room, slot.room_id.map(|room| room.0)),
    ]
}
