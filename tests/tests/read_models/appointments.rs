//! Appointments: the calendar of a practice.

use domain::appointment::Appointment;
use projections::appointments::Appointments;
use serde_json::{Value, json};
use system_tests::given::given;

use crate::{DOCTOR, ROOM, VISIT, ZOE};

fn booked() -> Value {
    json!({
        "patientId": ZOE, "practitionerId": DOCTOR, "roomId": ROOM, "timeZone": "Europe/Paris",
        "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z",
        "type": "follow_up", "priority": "high", "outsideAvailability": false,
        "personal": {"title": "Suivi", "reason": "Contrôle de la tension"},
    })
}

const PLACE: &str = "practitioner_id, patient_id, room_id, starts, ends, status, takes_time, held_until";

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_takes_the_time_of_everybody_in_it() {
    given(Appointments)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .then([
            (
                "appointments",
                PLACE,
                json!([[
                    DOCTOR,
                    ZOE,
                    ROOM,
                    "2026-11-23T08:00:00+00:00",
                    "2026-11-23T08:30:00+00:00",
                    "scheduled",
                    true,
                    null,
                ]]),
            ),
            (
                "appointments",
                "type, words, in_parts, version, created_at",
                json!([["follow_up", " suivi controle de la tension", false, 1, "2026-11-02T08:01:00+00:00",]]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_appointment_gives_its_time_back_and_keeps_its_place() {
    given(Appointments)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Appointment>(VISIT, "AppointmentCancelled", json!({"personal": {"reason": "Patient souffrant"}}))
        .then([
            (
                "appointments",
                PLACE,
                json!([[
                    DOCTOR,
                    ZOE,
                    ROOM,
                    "2026-11-23T08:00:00+00:00",
                    "2026-11-23T08:30:00+00:00",
                    "cancelled",
                    false,
                    null,
                ]]),
            ),
            (
                "appointments",
                "version, created_at, updated_at, appointment #>> '{cancellation,reason}'",
                json!([[2, "2026-11-02T08:01:00+00:00", "2026-11-02T08:02:00+00:00", "Patient souffrant",]]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_takes_time_until_it_expires_or_is_released() {
    let held = json!({
        "practitionerId": DOCTOR, "timeZone": "Europe/Paris", "expiresAt": "2026-11-22T10:05:00Z",
        "from": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:30:00Z",
        "additionalSlots": [{"from": "2026-11-23T09:00:00Z", "until": "2026-11-23T09:15:00Z"}],
    });
    given(Appointments)
        .event::<Appointment>(VISIT, "SlotHeld", held.clone())
        .then([(
            "appointments",
            "status, takes_time, ends, in_parts, held_until",
            json!([["held", true, "2026-11-23T09:15:00+00:00", true, "2026-11-22T10:05:00+00:00",]]),
        )])
        .await;
    given(Appointments)
        .event::<Appointment>(VISIT, "SlotHeld", held)
        .event::<Appointment>(VISIT, "SlotReleased", json!({"expired": true}))
        .then([("appointments", "status, takes_time, held_until", json!([["released", false, null]]))])
        .await;
}
