//! What a live screen is told of an event: the table from stored events to the product's realtime frames.
//!
//! The publisher sends these over NATS, the realtime relay makes them itself when it reads the log; both use [`frame`],
//! so a client sees the same frame whichever way it came. A frame holds ids, types and field names, nothing personal.

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
use domain::waiting::{WaitingEntry, WaitingEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::notifications::notified;

/// One frame, and for whom it is: users of its facility whose role may read its [`area`](Push::area).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The event's place in the log.
    pub position: Position,
    /// The practice whose users may get it.
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
    /// A patient was registered, or something about them changed.
    PatientUpdated {
        /// Who.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        fields_changed: Vec<String>,
    },
    /// A patient has an appointment.
    AppointmentCreated {
        /// Which.
        appointment_id: AppointmentId,
        /// Whose it is.
        patient_id: PatientId,
        /// Who sees the patient.
        practitioner_id: UserId,
        /// When it begins.
        datetime: Timestamp,
    },
    /// Something about an appointment changed.
    AppointmentUpdated {
        /// Which.
        appointment_id: AppointmentId,
        /// Whose it is.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        changes: Vec<String>,
    },
    /// An appointment was called off.
    AppointmentCancelled {
        /// Which.
        appointment_id: AppointmentId,
        /// Whose it is.
        patient_id: PatientId,
    },
    /// Something about a place on the waiting list changed.
    WaitingListUpdated {
        /// Which.
        waiting_id: WaitingId,
        /// Who waits.
        patient_id: PatientId,
        /// The fields of the API that have a new value.
        changes: Vec<String>,
    },
    /// There is something that the staff is to know.
    Notification {
        /// Under which id it is read.
        notification_id: EventId,
        /// What it is about.
        kind: NotificationKind,
        /// What kind of resource to look at.
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

    /// What somebody must be allowed to read to get it.
    pub const fn area(&self) -> Area {
        self.kind().area
    }
}

/// A kind of push: who may get it, and what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushKind {
    /// What somebody must be allowed to read to get it.
    pub area: Area,
    /// Its form.
    pub message: MessageKind,
    /// Members of `data` that are filled in when it is sent, for those who may see them.
    pub filled_in: &'static [Field],
}

/// The form of one kind of message on the realtime channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKind {
    /// Its name, the member `event`.
    pub event: &'static str,
    /// When it is sent.
    pub summary: &'static str,
    /// The members of `data`.
    pub fields: &'static [Field],
}

/// One member of a message's `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: FieldType,
    /// What it means.
    pub meaning: &'static str,
}

/// The types that members of `data` have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A UUID.
    Id,
    /// A position in the log.
    Position,
    /// An instant, as RFC 3339 writes it.
    Timestamp,
    /// The name of a role.
    Role,
    /// A stable name that programs may rely on, or a sentence for people.
    Text,
    /// Names of fields of the API.
    FieldNames,
}

const PATIENT_UPDATED: PushKind = PushKind {
    area: Area::Patients,
    message: MessageKind {
        event: "patient_updated",
        summary: "A patient was registered, or something about them changed.",
        fields: &[
            Field { name: "patientId", of: FieldType::Id, meaning: "Who." },
            Field {
                name: "fieldsChanged",
                of: FieldType::FieldNames,
                meaning: "The fields that have a new value, such as `contact.phone`; of a new patient, all that are set.",
            },
        ],
    },
    filled_in: &[],
};

const APPOINTMENT: Field = Field { name: "appointmentId", of: FieldType::Id, meaning: "Which appointment." };
const PATIENT: Field = Field { name: "patientId", of: FieldType::Id, meaning: "Whose it is." };

const APPOINTMENT_CREATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_created",
        summary: "A patient has an appointment.",
        fields: &[
            APPOINTMENT,
            PATIENT,
            Field { name: "practitionerId", of: FieldType::Id, meaning: "Who sees the patient." },
            Field { name: "datetime", of: FieldType::Timestamp, meaning: "When it begins." },
        ],
    },
    filled_in: &[Field {
        name: "patientName",
        of: FieldType::Text,
        meaning: "What the patient is called, for those who may read patients.",
    }],
};

const APPOINTMENT_UPDATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_updated",
        summary: "Something about an appointment changed.",
        fields: &[
            APPOINTMENT,
            PATIENT,
            Field { name: "changes", of: FieldType::FieldNames, meaning: "The fields that have a new value." },
        ],
    },
    filled_in: &[],
};

const APPOINTMENT_CANCELLED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "appointment_cancelled",
        summary: "An appointment was called off.",
        fields: &[APPOINTMENT, PATIENT],
    },
    filled_in: &[Field { name: "reason", of: FieldType::Text, meaning: "Why, if somebody said." }],
};

const WAITING_LIST_UPDATED: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "waiting_list_updated",
        summary: "Somebody joined or left the waiting list, waits for something else, or was offered a slot.",
        fields: &[
            Field { name: "waitingId", of: FieldType::Id, meaning: "Which place on the list." },
            Field { name: "patientId", of: FieldType::Id, meaning: "Who waits." },
            Field { name: "changes", of: FieldType::FieldNames, meaning: "The fields that have a new value." },
        ],
    },
    filled_in: &[],
};

const NOTIFICATION: PushKind = PushKind {
    area: Area::Appointments,
    message: MessageKind {
        event: "notification",
        summary: "Something that the staff is to know; its sentence is in `GET /api/v1/notifications`.",
        fields: &[
            Field { name: "notificationId", of: FieldType::Id, meaning: "Under which it is read." },
            Field { name: "kind", of: FieldType::Text, meaning: "What it is about, as a stable name." },
            Field { name: "resourceType", of: FieldType::Text, meaning: "What kind of resource to look at." },
            Field { name: "resourceId", of: FieldType::Id, meaning: "Which." },
        ],
    },
    filled_in: &[],
};

/// Everything that live screens are told of an event: its own frame, and that the staff is notified of it.
pub fn frames(event: &RecordedEvent) -> Vec<Frame> {
    frame(event).into_iter().chain(notification(event)).collect()
}

/// The frame that tells that the staff is notified of an event.
pub fn notification(event: &RecordedEvent) -> Option<Frame> {
    let told = notified(event)?;
    let push = Push::Notification {
        notification_id: event.event_id,
        kind: told.kind,
        resource_type: told.resource_type.to_owned(),
        resource_id: told.resource_id,
    };
    Some(Frame { position: event.position, facility_id: event.facility_id, push })
}

/// The frame that tells of an event; none for events that no screen shows, and for types this release does not know,
/// which a newer server may write during an upgrade. No event of a member of staff has one: who came and went, and who
/// was not let in, is for those who read the trail.
pub fn frame(event: &RecordedEvent) -> Option<Frame> {
    let aggregate = event.stream.aggregate();
    let push = if aggregate == stream_of::<Patient>() {
        patient(PatientId(event.stream.id()), known(event)?)
    } else if aggregate == stream_of::<Appointment>() {
        // The subject is the patient. A slot that is kept has none, and no frame.
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
        // Nobody's yet, or nobody's any more.
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
        // Part of a booking or a move, which have a frame of their own.
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
        // Nobody is there to be told yet.
        FacilityEvent::FacilityOpened { .. } => None,
        // Screens learn what they may do with the next access token.
        FacilityEvent::FacilitySettingsChanged { .. } | FacilityEvent::RolePermissionsChanged { .. } => None,
        // Calendars name rooms by their ids, and look the names up when they are opened.
        FacilityEvent::RoomAdded { .. } | FacilityEvent::RoomRenamed { .. } | FacilityEvent::RoomClosed { .. } => None,
        // Patients are told by it, not screens.
        FacilityEvent::ReminderRulesSet { .. } => None,
    }
}

/// The fields that a registration gives a value to. Of a patient who was erased, only those that were open are known.
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::event::{Actor, EventMetadata};
    use domain::ids::{EventId, StreamId, StreamVersion, SubjectId};
    use serde_json::{Value, json};

    fn recorded(aggregate: &str, event_type: &str, payload: Value) -> RecordedEvent {
        RecordedEvent {
            position: Position::from(8123),
            event_id: EventId(Uuid::from_u128(1)),
            stream: StreamId::of(aggregate, Uuid::from_u128(7)),
            version: StreamVersion::from(1),
            event_type: event_type.to_owned(),
            schema_version: 1,
            facility_id: FacilityId(Uuid::from_u128(2)),
            subject_id: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            occurred_at: Timestamp::UNIX_EPOCH,
            metadata: EventMetadata {
                actor: Actor::SYSTEM,
                client_address: None,
                request_id: None,
                correlation_id: Uuid::nil(),
                causation_id: None,
                idempotency_key: None,
            },
            reason: None,
            forgotten: false,
            payload,
        }
    }

    /// One event of every type there is.
    fn samples() -> Vec<RecordedEvent> {
        let details = json!({
            "identity": {"lastName": "Martin", "firstName": "Zoé", "birthDate": "1980-02-29", "gender": "female"},
            "contact": {"phone": "+33612345678"},
            "coverage": {},
        });
        let changed = |field: &str| json!({"fieldsChanged": [field], "confirmedDistinct": false});
        vec![
            recorded("facility", "FacilityOpened", json!({"name": "Cabinet", "timeZone": "Europe/Paris"})),
            recorded(
                "patient",
                "PatientRegistered",
                json!({"patientNumber": "P260001", "confirmedDistinct": false, "personal": details}),
            ),
            recorded("patient", "PatientIdentityCorrected", changed("lastName")),
            recorded("patient", "PatientContactChanged", changed("contact.phone")),
            recorded("patient", "PatientInsuranceChanged", changed("insurance")),
            recorded("patient", "PatientArchived", json!({})),
            recorded("patient", "PatientRestored", json!({})),
            recorded("patient", "PatientRestricted", json!({})),
            recorded("patient", "PatientUnrestricted", json!({})),
            recorded(
                "facility",
                "FacilitySettingsChanged",
                json!({"idleTimeoutMinutes": 15, "mfaRequiredFor": ["admin"]}),
            ),
            recorded("facility", "RolePermissionsChanged", json!({"role": "nurse", "permissions": {}})),
            recorded("facility", "RoomAdded", json!({"roomId": Uuid::from_u128(3), "name": "Salle 1"})),
            recorded("facility", "RoomRenamed", json!({"roomId": Uuid::from_u128(3), "name": "Salle 2"})),
            recorded("facility", "RoomClosed", json!({"roomId": Uuid::from_u128(3)})),
            recorded("facility", "ReminderRulesSet", json!({"enabled": false, "rules": []})),
        ]
        .into_iter()
        .chain(appointment_samples())
        .chain(waiting_samples())
        .collect()
    }

    fn appointment_samples() -> Vec<RecordedEvent> {
        let slot = json!({
            "practitionerId": Uuid::from_u128(8), "patientId": Uuid::from_u128(9), "timeZone": "Europe/Paris",
            "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z", "outsideAvailability": false,
            "type": "exam", "priority": "high", "personal": {"title": "Suivi de grossesse"},
        });
        let held = json!({
            "practitionerId": Uuid::from_u128(8), "timeZone": "Europe/Paris", "expiresAt": "2026-11-22T12:05:00Z",
            "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z",
        });
        let details =
            json!({"fieldsChanged": ["notes"], "type": "exam", "priority": "high", "personal": {"notes": "Secret"}});
        let rule = json!({"channel": "email", "minutesBefore": 1440});
        let reminded = json!({
            "rule": rule, "starts": "2026-11-23T08:00:00Z", "channel": "sms", "messageId": Uuid::from_u128(1),
            "certain": true, "cause": "refused",
        });
        let overlap = json!({"practitionerId": Uuid::from_u128(8), "times": [], "appointments": []});
        [
            ("SlotHeld", held),
            ("SlotReleased", json!({"expired": true})),
            ("AppointmentBooked", slot.clone()),
            ("AppointmentRescheduled", slot.clone()),
            ("AppointmentDetailsChanged", details),
            ("OverlapAccepted", overlap),
            ("AppointmentConfirmed", json!({})),
            ("PatientArrived", json!({})),
            ("AppointmentStarted", json!({})),
            ("AppointmentCompleted", json!({})),
            ("AppointmentCancelled", json!({"personal": {"reason": "Secret"}})),
            ("PatientDidNotAttend", json!({})),
            ("AppointmentRestored", slot),
            ("RemindersChosen", json!({"reminders": []})),
            ("ReminderSent", reminded.clone()),
            ("ReminderFailed", reminded),
        ]
        .into_iter()
        .map(|(event_type, payload)| {
            let subject_id = (!event_type.starts_with("Slot")).then(|| SubjectId(Uuid::from_u128(9)));
            RecordedEvent { subject_id, ..recorded("appointment", event_type, payload) }
        })
        .collect()
    }

    fn waiting_samples() -> Vec<RecordedEvent> {
        let wish = json!({
            "patientId": Uuid::from_u128(9), "practitionerIds": [Uuid::from_u128(8)], "type": "exam", "priority": "high",
            "durationMinutes": 30, "earliest": "2026-11-23", "latest": "2026-12-24", "personal": {"notes": "Secret"},
        });
        let (offer_id, appointment_id) = (Uuid::from_u128(5), Uuid::from_u128(6));
        let offered = json!({
            "offerId": offer_id, "practitionerId": Uuid::from_u128(8), "timeZone": "Europe/Paris",
            "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z", "answerBy": "2026-11-22T12:05:00Z", "tellPatient": true,
        });
        [
            ("WaitingListJoined", wish.clone()),
            ("WaitingWishChanged", wish),
            ("SlotOffered", offered),
            ("OfferMessageHandedOver", json!({"offerId": offer_id, "channel": "sms"})),
            ("OfferMessageFailed", json!({"offerId": offer_id, "cause": "refused"})),
            ("OfferAccepted", json!({"offerId": offer_id, "appointmentId": appointment_id, "byPatient": true})),
            ("OfferDeclined", json!({"offerId": offer_id, "byPatient": true})),
            ("OfferLapsed", json!({"offerId": offer_id})),
            ("OfferOvertaken", json!({"offerId": offer_id})),
            ("WaitingListLeft", json!({"byPatient": true})),
        ]
        .map(|(event_type, payload)| RecordedEvent {
            subject_id: Some(SubjectId(Uuid::from_u128(9))),
            ..recorded("waiting", event_type, payload)
        })
        .into()
    }

    fn fields_of(event: &RecordedEvent) -> Vec<String> {
        match frame(event).unwrap().push {
            Push::PatientUpdated { fields_changed, .. } => fields_changed,
            push => panic!("not of a patient: {push:?}"),
        }
    }

    #[test]
    fn there_is_a_sample_of_every_event_type() {
        let types = PatientEvent::TYPES
            .iter()
            .chain(FacilityEvent::TYPES)
            .chain(AppointmentEvent::TYPES)
            .chain(WaitingEvent::TYPES)
            .map(|(name, _)| *name);
        let samples = samples();
        for name in types {
            assert!(samples.iter().any(|event| event.event_type == name), "{name}");
        }
    }

    #[test]
    fn every_event_of_a_patient_is_told_as_patient_updated() {
        for event in samples().iter().filter(|event| event.stream.aggregate() == "patient") {
            let frame = frame(event).unwrap();
            assert_eq!(frame.push.kind().message.event, "patient_updated", "{}", event.event_type);
            assert_eq!(frame.push.area(), Area::Patients);
            assert_eq!(frame.facility_id, event.facility_id);
        }
    }

    #[test]
    fn an_appointment_is_told_by_ids_times_and_names_of_fields() {
        let told = |name: &str| {
            let event = appointment_samples().into_iter().find(|event| event.event_type == name).unwrap();
            let wire = frame(&event).map(|frame| frame.to_json().unwrap());
            assert!(wire.iter().all(|wire| !wire.contains("grossesse") && !wire.contains("Secret")), "{name}");
            wire.map(|wire| serde_json::from_str::<Value>(&wire).unwrap())
        };
        let (appointment_id, patient_id) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let created = told("AppointmentBooked").unwrap();
        assert_eq!(
            created["data"],
            json!({
                "appointmentId": appointment_id, "patientId": patient_id, "practitionerId": Uuid::from_u128(8),
                "datetime": "2026-11-23T08:00:00Z",
            })
        );
        let cancelled = told("AppointmentCancelled").unwrap();
        assert_eq!(cancelled["event"], "appointment_cancelled");
        assert_eq!(cancelled["data"], json!({"appointmentId": appointment_id, "patientId": patient_id}));
        assert_eq!(told("PatientArrived").unwrap()["data"]["changes"], json!(["status"]));
        assert_eq!(told("AppointmentDetailsChanged").unwrap()["data"]["changes"], json!(["notes"]));
        for silent in ["SlotHeld", "SlotReleased", "OverlapAccepted"] {
            assert_eq!(told(silent), None);
        }
    }

    #[test]
    fn the_staff_is_told_of_the_waiting_list_by_ids_and_codes() {
        let event = waiting_samples().into_iter().find(|event| event.event_type == "OfferAccepted").unwrap();
        let wires: Vec<Value> =
            frames(&event).iter().map(|frame| serde_json::from_str(&frame.to_json().unwrap()).unwrap()).collect();
        let (waiting_id, patient_id) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let updated = json!({
            "event": "waiting_list_updated", "position": 8123,
            "data": {"waitingId": waiting_id, "patientId": patient_id, "changes": ["status", "offer", "bookedAppointmentId"]},
        });
        let notified = json!({
            "event": "notification", "position": 8123,
            "data": {
                "notificationId": Uuid::from_u128(1), "kind": "waiting_offer_accepted",
                "resourceType": "waiting_list_entry", "resourceId": waiting_id,
            },
        });
        assert_eq!(wires, [updated, notified]);
        let told = waiting_samples().iter().filter(|event| notification(event).is_some()).count();
        assert_eq!(told, 6, "offered, not told, accepted, declined, lapsed, left");
    }

    #[test]
    fn the_wire_form_is_the_products() {
        let frame = frame(&recorded("patient", "PatientArchived", json!({}))).unwrap();
        let wire: Value = serde_json::from_str(&frame.to_json().unwrap()).unwrap();
        let patient_id = Uuid::from_u128(7);
        assert_eq!(
            wire,
            json!({
                "event": "patient_updated", "position": 8123,
                "data": {"patientId": patient_id, "fieldsChanged": ["status"]},
            })
        );
    }

    #[test]
    fn a_registration_names_the_fields_that_are_set_and_no_value() {
        let registered = &samples()[1];
        let expected = ["patientNumber", "status", "lastName", "firstName", "birthDate", "gender", "contact.phone"];
        assert_eq!(fields_of(registered), expected);
        let wire = frame(registered).unwrap().to_json().unwrap();
        assert!(["Martin", "Zoé", "1980", "+336", "female"].iter().all(|value| !wire.contains(value)));
    }

    #[test]
    fn a_forgotten_patients_events_still_have_frames() {
        let registered =
            recorded("patient", "PatientRegistered", json!({"patientNumber": "P260001", "confirmedDistinct": false}));
        assert_eq!(fields_of(&registered), ["patientNumber", "status"]);
    }

    #[test]
    fn what_no_screen_shows_or_this_release_does_not_know_has_no_frame() {
        let logged_in = recorded("user", "LoggedIn", json!({"sessionId": Uuid::from_u128(9), "method": "password"}));
        let unknown_type = recorded("patient", "PatientTeleported", json!({}));
        let unknown_aggregate = recorded("spaceship", "SpaceshipLaunched", json!({}));
        let samples = samples();
        let of_the_facility = samples.iter().filter(|event| event.stream.aggregate() == "facility");
        for event in of_the_facility.chain([&logged_in, &unknown_type, &unknown_aggregate]) {
            assert_eq!(frame(event), None, "{}", event.event_type);
        }
    }

    #[test]
    fn the_table_of_kinds_says_what_is_sent() {
        for push in samples().iter().flat_map(frames).map(|frame| frame.push) {
            let kind = push.kind();
            assert!(Push::KINDS.contains(kind));
            let wire = serde_json::to_value(&push).unwrap();
            assert_eq!(wire["event"], kind.message.event);
            let sent: Vec<_> = wire["data"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut declared: Vec<_> = kind.message.fields.iter().map(|field| field.name).collect();
            declared.sort_unstable();
            assert_eq!(sent, declared);
        }
    }

    #[test]
    fn a_push_survives_its_way_over_nats() {
        for push in samples().iter().flat_map(frames).map(|frame| frame.push) {
            let wire = serde_json::to_vec(&push).unwrap();
            assert_eq!(serde_json::from_slice::<Push>(&wire).unwrap(), push);
        }
    }
}
