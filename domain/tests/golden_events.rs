//! What was once written loads for ever. `golden/<EventType>.v<N>.json` holds one event as it stands in the log under
//! schema version N, with its personal part decrypted. A file is never edited again: a new form of an event is a new
//! schema version with a file of its own, and an upcaster that brings the former ones to it.
//!
//! All people in the files are made up; INS matricules are under the OID for tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domain::aggregate::AggregateRoot;
use domain::appointment::Appointment;
use domain::availability::Availability;
use domain::event::{Actor, EventMetadata, LoggedEvent, RecordedEvent, UnreadableEvent};
use domain::facility::Facility;
use domain::ids::{EventId, FacilityId, Position, StreamVersion, SubjectId};
use domain::patient::Patient;
use domain::upcasting::Upcasters;
use domain::user::User;
use domain::waiting_list::WaitingEntry;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

/// An aggregate's event types, and how the code reads one that is stored.
#[derive(Clone, Copy)]
struct Catalogued {
    event_enum: &'static str,
    types: &'static [(&'static str, u32)],
    read: fn(&RecordedEvent) -> Result<Written, UnreadableEvent>,
}

/// An event as the code would write it today.
#[derive(Debug, PartialEq)]
struct Written {
    event_type: String,
    schema_version: u32,
    payload: Value,
}

/// Every aggregate of the domain.
fn catalogue() -> Vec<Catalogued> {
    vec![
        catalogued::<Appointment>(),
        catalogued::<Availability>(),
        catalogued::<Facility>(),
        catalogued::<Patient>(),
        catalogued::<User>(),
        catalogued::<WaitingEntry>(),
    ]
}

fn catalogued<A: AggregateRoot>() -> Catalogued {
    let path = std::any::type_name::<A::Event>();
    Catalogued {
        event_enum: path.rsplit("::").next().unwrap_or(path),
        types: A::Event::TYPES,
        // Folding belongs to reading: an event that decodes and then breaks its aggregate is not read.
        read: |stored| {
            let event: A::Event = stored.decode()?;
            let written = written(&event);
            A::default().apply(event);
            Ok(written)
        },
    }
}

fn written<E: LoggedEvent>(event: &E) -> Written {
    let Ok(Value::Object(tagged)) = serde_json::to_value(event) else { panic!("an event is a tagged JSON object") };
    let mut tagged: Vec<_> = tagged.into_iter().collect();
    let (Some((event_type, payload)), []) = (tagged.pop(), tagged.as_slice()) else { panic!("an event has one tag") };
    assert_eq!(event_type, event.event_type(), "the tag in JSON is the event type");
    let schema_version = event.event_version().parse().expect("a schema version is a whole number");
    Written { event_type, schema_version, payload }
}

/// The event as `EventLog` hands it out: upcast, in its place in the log.
fn recorded(event_type: &str, schema_version: u32, payload: Value) -> RecordedEvent {
    let (schema_version, payload) = Upcasters::current().upcast(event_type, schema_version, payload);
    RecordedEvent {
        position: Position::from(1),
        event_id: EventId(Uuid::from_u128(1)),
        stream: Patient::stream(Uuid::from_u128(2)),
        version: StreamVersion::from(1),
        event_type: event_type.to_owned(),
        schema_version,
        facility_id: FacilityId(Uuid::from_u128(3)),
        subject_id: Some(SubjectId(Uuid::from_u128(2))),
        recorded_at: Timestamp::UNIX_EPOCH,
        occurred_at: Timestamp::UNIX_EPOCH,
        metadata: EventMetadata {
            actor: Actor::SYSTEM,
            client_address: None,
            request_id: None,
            correlation_id: Uuid::from_u128(4),
            causation_id: None,
            idempotency_key: None,
        },
        reason: None,
        forgotten: false,
        payload: payload.into(),
    }
}

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(event_type: &str, schema_version: u32) -> Value {
    let file = golden_folder().join(format!("{event_type}.v{schema_version}.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every event type with every schema version it ever had, counted from 1, and its current one.
fn every_version() -> impl Iterator<Item = (Catalogued, &'static str, u32, u32)> {
    catalogue().into_iter().flat_map(|aggregate| {
        aggregate.types.iter().flat_map(move |&(event_type, current)| {
            (1..=current).map(move |stored| (aggregate, event_type, stored, current))
        })
    })
}

#[test]
fn every_event_ever_written_still_loads_and_is_written_in_the_current_form() {
    for (aggregate, event_type, stored, current) in every_version() {
        let event = recorded(event_type, stored, golden(event_type, stored));
        assert_eq!(event.schema_version, current, "{event_type}: version {stored} is not upcast to the current one");
        let read = (aggregate.read)(&event).unwrap_or_else(|error| panic!("{event_type}.v{stored}: {error}"));
        let expected = Written {
            event_type: event_type.to_owned(),
            schema_version: current,
            payload: Value::clone(&event.payload),
        };
        assert_eq!(read, expected, "{event_type}.v{stored}");
    }
}

#[test]
fn every_event_loads_after_its_subject_was_forgotten() {
    for (aggregate, event_type, stored, current) in every_version() {
        let mut payload = golden(event_type, stored);
        payload.as_object_mut().expect("an event is a JSON object").remove("personal");
        let event = recorded(event_type, stored, payload);
        let read = (aggregate.read)(&event).unwrap_or_else(|error| panic!("{event_type}.v{stored}: {error}"));
        assert_eq!((read.event_type.as_str(), read.schema_version), (event_type, current));
        assert_eq!(without_null_personal(read.payload), *event.payload, "{event_type}.v{stored}");
    }
}

/// A forgotten personal part is written as `null`, which the log leaves out.
fn without_null_personal(payload: Value) -> Value {
    let Value::Object(mut fields) = payload else { panic!("an event is a JSON object") };
    if fields.get("personal") == Some(&Value::Null) {
        fields.remove("personal");
    }
    Value::Object(fields)
}

/// The log encrypts `personal` and nothing else, so this is the list of what the whole house, its operators and its
/// auditors may see of an event for ever. Whoever adds a field here has to be sure that it says nothing of a person.
#[test]
fn nothing_but_these_fields_stands_in_the_open() {
    let open: BTreeSet<String> = every_version()
        .flat_map(|(_, event_type, stored, _)| {
            let fields: Map<String, Value> = serde_json::from_value(golden(event_type, stored)).expect("an object");
            fields.into_iter().map(move |(field, _)| format!("{event_type}.{field}"))
        })
        .filter(|field| !field.ends_with(".personal"))
        .collect();
    let known = [
        "AccountLocked.until",
        "AppointmentBooked.additionalSlots",
        "AppointmentBooked.from",
        "AppointmentBooked.occurrence",
        "AppointmentBooked.outsideAvailability",
        "AppointmentBooked.patientId",
        "AppointmentBooked.practitionerId",
        "AppointmentBooked.priority",
        "AppointmentBooked.roomId",
        "AppointmentBooked.timeZone",
        "AppointmentBooked.type",
        "AppointmentBooked.until",
        "AppointmentDetailsChanged.fieldsChanged",
        "AppointmentDetailsChanged.priority",
        "AppointmentDetailsChanged.type",
        "AppointmentRescheduled.additionalSlots",
        "AppointmentRescheduled.from",
        "AppointmentRescheduled.outsideAvailability",
        "AppointmentRescheduled.patientId",
        "AppointmentRescheduled.practitionerId",
        "AppointmentRescheduled.roomId",
        "AppointmentRescheduled.timeZone",
        "AppointmentRescheduled.until",
        "AppointmentRestored.additionalSlots",
        "AppointmentRestored.from",
        "AppointmentRestored.outsideAvailability",
        "AppointmentRestored.patientId",
        "AppointmentRestored.practitionerId",
        "AppointmentRestored.roomId",
        "AppointmentRestored.timeZone",
        "AppointmentRestored.until",
        "BookingRulesSet.bufferAfterMinutes",
        "BookingRulesSet.bufferBeforeMinutes",
        "BookingRulesSet.noticeMinutes",
        "BookingRulesSet.overlapAllowed",
        "ExtraHoursClosed.extraId",
        "ExtraHoursOpened.date",
        "ExtraHoursOpened.extraId",
        "ExtraHoursOpened.timeSlots",
        "FacilityOpened.finess",
        "FacilityOpened.name",
        "FacilityOpened.timeZone",
        "FacilitySettingsChanged.idleTimeoutMinutes",
        "FacilitySettingsChanged.mfaRequiredFor",
        "LeaveCancelled.leaveId",
        "LeavePlanned.from",
        "LeavePlanned.kind",
        "LeavePlanned.leaveId",
        "LeavePlanned.until",
        "LoggedIn.method",
        "LoggedIn.sessionId",
        "LoggedOut.sessionId",
        "LoginRefused.cause",
        "OfferAccepted.appointmentId",
        "OfferAccepted.byPatient",
        "OfferAccepted.offerId",
        "OfferDeclined.byPatient",
        "OfferDeclined.offerId",
        "OfferLapsed.offerId",
        "OfferMessageFailed.cause",
        "OfferMessageFailed.offerId",
        "OfferMessageHandedOver.channel",
        "OfferMessageHandedOver.offerId",
        "OfferOvertaken.offerId",
        "OverlapAccepted.appointments",
        "OverlapAccepted.practitionerId",
        "OverlapAccepted.times",
        "PasswordChanged.by",
        "PasswordResetHandedOut.expiresAt",
        "PasswordResetStarted.expiresAt",
        "PatientContactChanged.fieldsChanged",
        "PatientIdentityCorrected.confirmedDistinct",
        "PatientIdentityCorrected.fieldsChanged",
        "PatientInsuranceChanged.fieldsChanged",
        "PatientRegistered.confirmedDistinct",
        "PatientRegistered.patientNumber",
        "RefreshTokenReused.sessionId",
        "ReminderFailed.cause",
        "ReminderFailed.rule",
        "ReminderFailed.starts",
        "ReminderRulesSet.enabled",
        "ReminderRulesSet.quietHours",
        "ReminderRulesSet.rules",
        "ReminderRulesSet.rulesByType",
        "ReminderSent.certain",
        "ReminderSent.channel",
        "ReminderSent.messageId",
        "ReminderSent.rule",
        "ReminderSent.starts",
        "RemindersChosen.reminders",
        "RoleAssigned.role",
        "RolePermissionsChanged.permissions",
        "RolePermissionsChanged.role",
        "RoomAdded.name",
        "RoomAdded.roomId",
        "RoomClosed.roomId",
        "RoomRenamed.name",
        "RoomRenamed.roomId",
        "SessionRevoked.by",
        "SessionRevoked.sessionId",
        "SlotHeld.additionalSlots",
        "SlotHeld.expiresAt",
        "SlotHeld.from",
        "SlotHeld.practitionerId",
        "SlotHeld.roomId",
        "SlotHeld.timeZone",
        "SlotHeld.until",
        "SlotOffered.additionalSlots",
        "SlotOffered.answerBy",
        "SlotOffered.from",
        "SlotOffered.offerId",
        "SlotOffered.practitionerId",
        "SlotOffered.roomId",
        "SlotOffered.tellPatient",
        "SlotOffered.timeZone",
        "SlotOffered.until",
        "SlotReleased.expired",
        "UserInvited.expiresAt",
        "UserProfileChanged.adeliNumber",
        "UserProfileChanged.fieldsChanged",
        "UserProfileChanged.rppsNumber",
        "UserProfileChanged.specialties",
        "UserRegistered.adeliNumber",
        "UserRegistered.role",
        "UserRegistered.rppsNumber",
        "UserRegistered.specialties",
        "UserReinstated.role",
        "WaitingListJoined.appointmentId",
        "WaitingListJoined.channel",
        "WaitingListJoined.daysOfWeek",
        "WaitingListJoined.durationMinutes",
        "WaitingListJoined.earliest",
        "WaitingListJoined.latest",
        "WaitingListJoined.patientId",
        "WaitingListJoined.practitionerIds",
        "WaitingListJoined.priority",
        "WaitingListJoined.specialty",
        "WaitingListJoined.times",
        "WaitingListJoined.type",
        "WaitingListLeft.byPatient",
        "WaitingWishChanged.channel",
        "WaitingWishChanged.daysOfWeek",
        "WaitingWishChanged.durationMinutes",
        "WaitingWishChanged.earliest",
        "WaitingWishChanged.latest",
        "WaitingWishChanged.practitionerIds",
        "WaitingWishChanged.priority",
        "WaitingWishChanged.times",
        "WaitingWishChanged.type",
        "WeeklyHoursSet.hours",
        "WeeklyHoursSet.validFrom",
    ];
    assert_eq!(open.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

#[test]
fn there_is_no_golden_file_of_an_event_that_nobody_reads() {
    let expected: BTreeSet<String> =
        every_version().map(|(_, event_type, stored, _)| format!("{event_type}.v{stored}.json")).collect();
    let found: BTreeSet<String> = fs::read_dir(golden_folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry of the folder").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn no_two_aggregates_use_one_event_type() {
    let mut seen = BTreeSet::new();
    for (event_type, _) in catalogue().iter().flat_map(|aggregate| aggregate.types) {
        assert!(seen.insert(event_type), "{event_type} is used twice");
    }
}

#[test]
fn the_catalogue_knows_every_event_enum_of_the_domain() {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).expect("a source file");
                let names = source.lines().filter_map(|line| line.trim().strip_prefix("impl LoggedEvent for "));
                found.extend(names.map(|name| name.trim_end_matches([' ', '{', '}']).to_owned()));
            }
        }
    }
    let catalogued: BTreeSet<String> = catalogue().iter().map(|aggregate| aggregate.event_enum.to_owned()).collect();
    assert_eq!(found, catalogued);
}
