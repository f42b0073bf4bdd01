//! The push: from stored events to the realtime frames that live screens get.
//!
//! The publisher sends frames over NATS. The realtime relay makes them itself when it reads the log. Both use [`frame`], so
//! a client sees the same frame whichever way it came. A frame holds ids, types and names of fields, nothing personal.

mod kinds;
#[cfg(test)]
mod patient_fields;
#[cfg(test)]
mod tests;

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentEvent};
use domain::event::{LoggedEvent, RecordedEvent};
use domain::facility::{Facility, FacilityEvent};
use domain::ids::{AppointmentId, EventId, FacilityId, PatientId, Position, UserId, WaitingId};
use domain::patient::{
    Contact, Coverage, Identity, Patient, PatientDetails, PatientEvent, contact_changes, identity_changes,
    insurance_changes,
};
use domain::personal::Revealed;
use domain::role::Area;
use domain::values::NotificationKind;
use domain::waiting_list::{WaitingEntry, WaitingEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::kinds::{
    APPOINTMENT_CANCELLED, APPOINTMENT_CREATED, APPOINTMENT_UPDATED, NOTIFICATION, PATIENT_UPDATED,
    WAITING_LIST_UPDATED,
};
pub use self::kinds::{Field, FieldType, MessageKind, PushKind};
use crate::notifications::notified;

/// One frame. Users of its facility get it whose role may read its [`area`](Push::area).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The event's place in the log.
    pub position: Position,
    /// The facility whose users may get it.
    pub facility_id: FacilityId,
    /// What it says.
    pub push: Push,
}

impl Frame {
    /// The frame as a client gets it: `{"event":…,"data":{…},"position":…}`.
    pub fn to_json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            push: &'a Push,
            position: Position,
        }
        serde_json::to_string(&Wire { push: &self.push, position: self.position })
    }
}

/// What a frame says: `event` and `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Push {
    /// A patient was registered or changed.
    PatientUpdated {
        /// The patient.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        fields_changed: Vec<String>,
    },
    /// An appointment was booked.
    AppointmentCreated {
        /// Which.
        appointment_id: AppointmentId,
        /// The patient.
        patient_id: PatientId,
        /// The practitioner.
        practitioner_id: UserId,
        /// When it begins.
        datetime: Timestamp,
    },
    /// An appointment changed.
    AppointmentUpdated {
        /// Which.
        appointment_id: AppointmentId,
        /// The patient.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        changes: Vec<String>,
    },
    /// An appointment was cancelled.
    AppointmentCancelled {
        /// Which.
        appointment_id: AppointmentId,
        /// The patient.
        patient_id: PatientId,
    },
    /// An entry of the waiting list changed.
    WaitingListUpdated {
        /// Which.
        waiting_id: WaitingId,
        /// The patient who waits.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        changes: Vec<String>,
    },
    /// The staff is notified of something.
    Notification {
        /// The id under which it is read.
        notification_id: EventId,
        /// What it is about.
        kind: NotificationKind,
        /// The kind of resource to look at.
        resource_type: String,
        /// Which.
        resource_id: Uuid,
    },
}

impl Push {
    /// Every kind of push there is, for the AsyncAPI document.
    pub const KINDS: &'static [PushKind] = &[
        PATIENT_UPDATED,
        APPOINTMENT_CREATED,
        APPOINTMENT_UPDATED,
        APPOINTMENT_CANCELLED,
        WAITING_LIST_UPDATED,
        NOTIFICATION,
    ];

    /// Its row of the table.
    pub const fn kind(&self) -> &'static PushKind {
        match self {
            Self::PatientUpdated { .. } => &PATIENT_UPDATED,
            Self::AppointmentCreated { .. } => &APPOINTMENT_CREATED,
            Self::AppointmentUpdated { .. } => &APPOINTMENT_UPDATED,
            Self::AppointmentCancelled { .. } => &APPOINTMENT_CANCELLED,
            Self::WaitingListUpdated { .. } => &WAITING_LIST_UPDATED,
            Self::Notification { .. } => &NOTIFICATION,
        }
    }

    /// The area that a user must be allowed to read to get it.
    pub const fn area(&self) -> Area {
        self.kind().area
    }
}

/// All frames of an event: its own, and that of its notification.
pub fn frames(event: &RecordedEvent) -> Vec<Frame> {
    frame(event).into_iter().chain(notification(event)).collect()
}

/// The frame of an event's notification, if the staff is notified of it.
pub fn notification(event: &RecordedEvent) -> Option<Frame> {
    let told = notified(event).unwrap_or_else(|unreadable| {
        tracing::warn!(error = %unreadable, "an event has no notification");
        None
    })?;
    let push = Push::Notification {
        notification_id: event.event_id,
        kind: told.kind,
        resource_type: told.resource_type.to_owned(),
        resource_id: told.resource_id,
    };
    Some(Frame { position: event.position, facility_id: event.facility_id, push })
}

/// The frame of an event, if a screen shows it. Types that this release does not know have none: a newer server may write
/// them during an upgrade. Events of members of staff have none: logins and refusals are for users who read the trail.
pub fn frame(event: &RecordedEvent) -> Option<Frame> {
    let aggregate = event.stream.aggregate();
    let push = if aggregate == stream_of::<Patient>() {
        patient(PatientId(event.stream.id()), known(event)?)
    } else if aggregate == stream_of::<Appointment>() {
        // The subject is the patient. A hold has no subject, and no frame.
        let patient = event.subject_id.map(|subject| PatientId(subject.0));
        appointment(AppointmentId(event.stream.id()), patient, known(event)?)
    } else if aggregate == stream_of::<WaitingEntry>() {
        let patient = event.subject_id.map(|subject| PatientId(subject.0));
        waiting(WaitingId(event.stream.id()), patient, &known(event)?)
    } else if aggregate == stream_of::<Facility>() {
        facility(&known(event)?)
    } else {
        None
    };
    push.map(|push| Frame { position: event.position, facility_id: event.facility_id, push })
}

fn stream_of<A: AggregateRoot>() -> &'static str {
    A::TYPE
}

fn known<E: LoggedEvent>(event: &RecordedEvent) -> Option<E> {
    match event.decode() {
        Ok(event) => Some(event),
        Err(unreadable) => {
            tracing::warn!(error = %unreadable, "an event has no frame");
            None
        }
    }
}

fn patient(patient_id: PatientId, event: PatientEvent) -> Option<Push> {
    let fields_changed = match event {
        PatientEvent::PatientRegistered { patient_number: _, confirmed_distinct: _, personal } => fields_set(&personal),
        PatientEvent::PatientIdentityCorrected { fields_changed, confirmed_distinct: _, personal: _ }
        | PatientEvent::PatientContactChanged { fields_changed, personal: _ }
        | PatientEvent::PatientInsuranceChanged { fields_changed, personal: _ } => fields_changed,
        PatientEvent::PatientArchived {} | PatientEvent::PatientRestored {} => vec!["status".to_owned()],
        PatientEvent::PatientRestricted {} | PatientEvent::PatientUnrestricted {} => vec!["restricted".to_owned()],
    };
    Some(Push::PatientUpdated { patient_id, fields_changed })
}

fn appointment(appointment_id: AppointmentId, patient: Option<PatientId>, event: AppointmentEvent) -> Option<Push> {
    let patient_id = patient?;
    let changes: &[&str] = match event {
        // A hold is no patient's.
        AppointmentEvent::SlotHeld { .. } | AppointmentEvent::SlotReleased { .. } => return None,
        AppointmentEvent::AppointmentBooked { slot, .. } => {
            let (practitioner_id, datetime) = (slot.practitioner_id, slot.during.from);
            return Some(Push::AppointmentCreated { appointment_id, patient_id, practitioner_id, datetime });
        }
        AppointmentEvent::AppointmentCancelled { .. } => {
            return Some(Push::AppointmentCancelled { appointment_id, patient_id });
        }
        AppointmentEvent::AppointmentDetailsChanged { fields_changed: changes, .. } => {
            return Some(Push::AppointmentUpdated { appointment_id, patient_id, changes });
        }
        AppointmentEvent::AppointmentRescheduled { .. } => {
            &["practitionerId", "roomId", "date", "startTime", "endTime", "duration", "additionalSlots", "status"]
        }
        // The booking or the move beside it has a frame of its own.
        AppointmentEvent::OverlapAccepted { .. } => return None,
        AppointmentEvent::AppointmentConfirmed { .. }
        | AppointmentEvent::PatientArrived {}
        | AppointmentEvent::AppointmentStarted {}
        | AppointmentEvent::AppointmentCompleted {}
        | AppointmentEvent::PatientDidNotAttend {}
        | AppointmentEvent::AppointmentRestored { .. } => &["status"],
        AppointmentEvent::RemindersChosen { .. }
        | AppointmentEvent::ReminderSent { .. }
        | AppointmentEvent::ReminderFailed { .. } => &["reminders"],
    };
    let changes = changes.iter().map(|field| (*field).to_owned()).collect();
    Some(Push::AppointmentUpdated { appointment_id, patient_id, changes })
}

fn waiting(waiting_id: WaitingId, patient: Option<PatientId>, event: &WaitingEvent) -> Option<Push> {
    let changes: &[&str] = match event {
        WaitingEvent::WaitingListJoined { .. } => &["status", "wish"],
        WaitingEvent::WaitingWishChanged { .. } => &["wish"],
        WaitingEvent::SlotOffered { .. }
        | WaitingEvent::OfferDeclined { .. }
        | WaitingEvent::OfferLapsed { .. }
        | WaitingEvent::OfferOvertaken { .. } => &["status", "offer"],
        WaitingEvent::OfferMessageHandedOver { .. } | WaitingEvent::OfferMessageFailed { .. } => &["offer"],
        WaitingEvent::OfferAccepted { .. } => &["status", "offer", "bookedAppointmentId"],
        WaitingEvent::WaitingListLeft { .. } => &["status"],
    };
    let changes = changes.iter().map(|field| (*field).to_owned()).collect();
    Some(Push::WaitingListUpdated { waiting_id, patient_id: patient?, changes })
}

fn facility(event: &FacilityEvent) -> Option<Push> {
    match event {
        // No user is there yet.
        FacilityEvent::FacilityOpened { .. } => None,
        // Screens learn what they may do with the next access token.
        FacilityEvent::FacilitySettingsChanged { .. } | FacilityEvent::RolePermissionsChanged { .. } => None,
        // Calendars name rooms by their ids, and look the names up when they are opened.
        FacilityEvent::RoomAdded { .. } | FacilityEvent::RoomRenamed { .. } | FacilityEvent::RoomClosed { .. } => None,
        // It changes messages to patients, and no screen.
        FacilityEvent::ReminderRulesSet { .. } => None,
    }
}

/// The fields that a registration sets. If the patient was erased, only the open ones are known.
fn fields_set(personal: &Revealed<PatientDetails>) -> Vec<String> {
    let mut fields = vec!["patientNumber".to_owned(), "status".to_owned()];
    if let Revealed::Value(PatientDetails { identity, contact, coverage }) = personal {
        let unset = Identity { nationality: None, id_number: None, ins: None, ..identity.clone() };
        fields.extend(["lastName", "firstName", "birthDate", "gender"].map(str::to_owned));
        fields.extend(identity_changes(Some(&unset), identity));
        fields.extend(contact_changes(Some(&Contact::default()), contact));
        fields.extend(insurance_changes(Some(&Coverage::default()), coverage));
    }
    fields
}
