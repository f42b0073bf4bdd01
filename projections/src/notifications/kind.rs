//! The one table from events to notifications of the staff, for the read model and for live screens. A notification is ids
//! and a code. Sentences and names are made where it is read.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentEvent};
use domain::availability::{Availability, AvailabilityEvent};
use domain::event::{RecordedEvent, UnreadableEvent};
use domain::ids::{AppointmentId, PatientId, UserId};
use domain::values::NotificationKind;
use domain::waiting_list::{WaitingEntry, WaitingEvent};
use uuid::Uuid;

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notified {
    /// What it is about.
    pub kind: NotificationKind,
    /// What kind of resource to look at.
    pub resource_type: &'static str,
    /// Which.
    pub resource_id: Uuid,
    /// The patient it is about.
    pub patient: Option<PatientId>,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// The practitioner it is about.
    pub practitioner: Option<UserId>,
    /// How many things it is about, where they are counted.
    pub count: Option<u32>,
}

impl Notified {
    /// About the event's stream and patient.
    fn of(event: &RecordedEvent, kind: NotificationKind, resource_type: &'static str) -> Self {
        Self {
            kind,
            resource_type,
            resource_id: event.stream.id(),
            patient: event.subject_id.map(|subject| PatientId(subject.0)),
            appointment: None,
            practitioner: None,
            count: None,
        }
    }
}

/// The notification of an event, if the staff is told of it.
pub fn notified(event: &RecordedEvent) -> Result<Option<Notified>, UnreadableEvent> {
    let aggregate = event.stream.aggregate();
    Ok(if !may_notify(&event.event_type) {
        None
    } else if aggregate == type_of::<WaitingEntry>() {
        waiting(event, &event.decode()?)
    } else if aggregate == type_of::<Appointment>() {
        appointment(event, &event.decode()?)
    } else if aggregate == type_of::<Availability>() {
        availability(event, &event.decode()?)
    } else {
        None
    })
}

/// Whether events of this type may be told of.
pub(super) fn may_notify(event_type: &str) -> bool {
    TYPES.contains(&event_type)
}

const TYPES: [&str; 11] = [
    "SlotOffered",
    "OfferMessageFailed",
    "OfferAccepted",
    "OfferDeclined",
    "OfferLapsed",
    "WaitingListLeft",
    "AppointmentCancelled",
    "AppointmentConfirmed",
    "ReminderFailed",
    "ReminderSent",
    "LeavePlanned",
];

fn type_of<A: AggregateRoot>() -> &'static str {
    A::TYPE
}

fn waiting(event: &RecordedEvent, what: &WaitingEvent) -> Option<Notified> {
    let of = |kind| Notified::of(event, kind, "waiting_list_entry");
    match what {
        // A member of staff knows what they did themselves.
        WaitingEvent::SlotOffered { slot, .. } if event.metadata.actor.role.is_none() => {
            Some(Notified { practitioner: Some(slot.practitioner_id), ..of(NotificationKind::SlotOffered) })
        }
        WaitingEvent::OfferMessageFailed { .. } => Some(of(NotificationKind::OfferUntold)),
        WaitingEvent::OfferAccepted { appointment_id, .. } => {
            Some(Notified { appointment: Some(*appointment_id), ..of(NotificationKind::OfferAccepted) })
        }
        WaitingEvent::OfferDeclined { by_patient: true, .. } => Some(of(NotificationKind::OfferDeclined)),
        WaitingEvent::OfferLapsed { .. } => Some(of(NotificationKind::OfferLapsed)),
        WaitingEvent::WaitingListLeft { by_patient: true } => Some(of(NotificationKind::WaitingListLeft)),
        WaitingEvent::WaitingListJoined { .. }
        | WaitingEvent::WaitingWishChanged { .. }
        | WaitingEvent::SlotOffered { .. }
        | WaitingEvent::OfferMessageHandedOver { .. }
        | WaitingEvent::OfferDeclined { .. }
        | WaitingEvent::OfferOvertaken { .. }
        | WaitingEvent::WaitingListLeft { .. } => None,
    }
}

fn appointment(event: &RecordedEvent, what: &AppointmentEvent) -> Option<Notified> {
    let of = |kind| {
        let appointment = Some(AppointmentId(event.stream.id()));
        Some(Notified { appointment, ..Notified::of(event, kind, "appointment") })
    };
    match what {
        AppointmentEvent::AppointmentCancelled { by_patient: true, .. } => of(NotificationKind::CancelledByPatient),
        AppointmentEvent::AppointmentConfirmed { by_patient: true } => of(NotificationKind::ConfirmedByPatient),
        AppointmentEvent::ReminderFailed { .. } => of(NotificationKind::ReminderFailed),
        AppointmentEvent::ReminderSent { certain: false, .. } => of(NotificationKind::ReminderUncertain),
        AppointmentEvent::SlotHeld { .. }
        | AppointmentEvent::SlotReleased { .. }
        | AppointmentEvent::AppointmentBooked { .. }
        | AppointmentEvent::AppointmentRescheduled { .. }
        | AppointmentEvent::AppointmentDetailsChanged { .. }
        | AppointmentEvent::OverlapAccepted { .. }
        | AppointmentEvent::AppointmentConfirmed { .. }
        | AppointmentEvent::PatientArrived { .. }
        | AppointmentEvent::AppointmentStarted { .. }
        | AppointmentEvent::AppointmentCompleted { .. }
        | AppointmentEvent::AppointmentCancelled { .. }
        | AppointmentEvent::PatientDidNotAttend { .. }
        | AppointmentEvent::AppointmentRestored { .. }
        | AppointmentEvent::RemindersChosen { .. }
        | AppointmentEvent::ReminderSent { .. } => None,
    }
}

fn availability(event: &RecordedEvent, what: &AvailabilityEvent) -> Option<Notified> {
    match what {
        AvailabilityEvent::LeavePlanned { touched, .. } if !touched.is_empty() => Some(Notified {
            practitioner: Some(UserId(event.stream.id())),
            count: Some(u32::try_from(touched.len()).unwrap_or(u32::MAX)),
            ..Notified::of(event, NotificationKind::LeaveTouchesAppointments, "availability")
        }),
        AvailabilityEvent::WeeklyHoursSet { .. }
        | AvailabilityEvent::LeavePlanned { .. }
        | AvailabilityEvent::LeaveCancelled { .. }
        | AvailabilityEvent::ExtraHoursOpened { .. }
        | AvailabilityEvent::ExtraHoursClosed { .. }
        | AvailabilityEvent::BookingRulesSet { .. } => None,
    }
}
