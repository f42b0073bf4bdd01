use super::*;
use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, StreamId, StreamVersion, SubjectId};
use serde_json::{Value, json};

pub(super) fn recorded(aggregate: &str, event_type: &str, payload: Value) -> RecordedEvent {
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
        payload: payload.into(),
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
        recorded("facility", "FacilitySettingsChanged", json!({"idleTimeoutMinutes": 15, "mfaRequiredFor": ["admin"]})),
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
