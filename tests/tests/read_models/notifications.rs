//! Notifications: what the staff of a practice is told, as ids and codes.

use domain::appointment::Appointment;
use domain::availability::Availability;
use domain::event::Actor;
use domain::ids::UserId;
use domain::role::Role;
use domain::waiting_list::WaitingEntry;
use projections::notifications::Notifications;
use serde_json::{Value, json};
use system_tests::given::{given, id};
use uuid::Uuid;

use crate::{DOCTOR, VISIT, ZOE};

const PLACE: Uuid = id(0xC1);
const OFFER: Uuid = id(0xC9);

const TOLD: &str = "position, kind, resource_type, resource_id, patient_id, appointment_id, practitioner_id, count";

fn booked() -> Value {
    json!({
        "patientId": ZOE, "practitionerId": DOCTOR, "timeZone": "Europe/Paris",
        "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z",
        "type": "follow_up", "priority": "normal", "outsideAvailability": false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_patient_did_is_told_and_what_the_staff_did_is_not() {
    given(Notifications)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Appointment>(VISIT, "AppointmentConfirmed", json!({}))
        .then([("notifications", TOLD, json!([]))])
        .await;
    given(Notifications)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Appointment>(VISIT, "AppointmentConfirmed", json!({"byPatient": true}))
        .event::<Appointment>(VISIT, "AppointmentCancelled", json!({"byPatient": true}))
        .then([(
            "notifications",
            TOLD,
            json!([
                [2, "appointment_confirmed_by_patient", "appointment", VISIT, ZOE, VISIT, null, null],
                [3, "appointment_cancelled_by_patient", "appointment", VISIT, ZOE, VISIT, null, null],
            ]),
        )])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_the_house_made_is_told_and_one_that_a_colleague_made_is_not() {
    let secretary = Actor { user_id: UserId(id(0x51)), role: Some(Role::Secretary), session_id: None };
    let joined = json!({
        "patientId": ZOE, "practitionerIds": [DOCTOR], "type": "follow_up", "priority": "normal",
        "durationMinutes": 30, "earliest": "2026-11-24", "latest": "2026-12-18",
    });
    let offered = json!({
        "offerId": OFFER, "practitionerId": DOCTOR, "timeZone": "Europe/Paris", "answerBy": "2026-11-24T10:05:00Z",
        "from": "2026-11-30T08:00:00Z", "until": "2026-11-30T08:30:00Z", "tellPatient": true,
    });
    let waiting = || given(Notifications).event::<WaitingEntry>(PLACE, "WaitingListJoined", joined.clone());
    waiting()
        .event_by::<WaitingEntry>(secretary, PLACE, "SlotOffered", offered.clone())
        .then([("notifications", TOLD, json!([]))])
        .await;
    waiting()
        .event::<WaitingEntry>(PLACE, "SlotOffered", offered.clone())
        .event::<WaitingEntry>(PLACE, "OfferLapsed", json!({"offerId": OFFER}))
        .then([(
            "notifications",
            TOLD,
            json!([
                [2, "waiting_slot_offered", "waiting_list_entry", PLACE, ZOE, null, DOCTOR, null],
                [3, "waiting_offer_lapsed", "waiting_list_entry", PLACE, ZOE, null, null, null],
            ]),
        )])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_over_appointments_tells_how_many() {
    let leave = |touched: &[Uuid]| {
        json!({
            "leaveId": id(0x1E), "from": "2026-12-24T12:00:00", "until": "2027-01-04T08:30:00", "kind": "holiday",
            "touched": touched,
        })
    };
    given(Notifications)
        .event::<Availability>(DOCTOR, "LeavePlanned", leave(&[]))
        .then([("notifications", TOLD, json!([]))])
        .await;
    given(Notifications)
        .event::<Availability>(DOCTOR, "LeavePlanned", leave(&[VISIT, PLACE]))
        .then([(
            "notifications",
            TOLD,
            json!([[1, "leave_touches_appointments", "availability", DOCTOR, null, null, DOCTOR, 2],]),
        )])
        .await;
}
