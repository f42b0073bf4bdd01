//! Reminders: what is due, as bookings, decisions of the practice and messages that left tell it.

use domain::appointment::Appointment;
use domain::facility::Facility;
use projections::reminders::Reminders;
use serde_json::{Value, json};
use system_tests::given::{PRACTICE, given};

use crate::{DOCTOR, VISIT, ZOE};

/// Ten o'clock in Brest.
fn booked() -> Value {
    json!({
        "patientId": ZOE, "practitionerId": DOCTOR, "timeZone": "Europe/Paris",
        "from": "2026-11-23T09:00:00Z", "until": "2026-11-23T09:30:00Z",
        "type": "follow_up", "priority": "normal", "outsideAvailability": false,
    })
}

const DUE: &str = "minutes_before, channel, due_at, state, day";

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_reminded_of_a_day_and_two_hours_before() {
    given(Reminders)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .then([
            (
                "reminders",
                DUE,
                json!([
                    [120, "sms", "2026-11-23T07:00:00+00:00", "pending", "2026-11-23"],
                    [1440, "email", "2026-11-22T09:00:00+00:00", "pending", "2026-11-23"],
                ]),
            ),
            ("reminder_plans", "appointment_id, starts, expected", json!([[VISIT, "2026-11-23T09:00:00+00:00", true]])),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_left_is_not_due_any_more() {
    let sent = json!({
        "rule": {"channel": "email", "minutesBefore": 1440}, "starts": "2026-11-23T09:00:00Z", "channel": "email",
        "messageId": VISIT, "certain": true,
    });
    given(Reminders)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Appointment>(VISIT, "ReminderSent", sent)
        .then([("reminders", "minutes_before, state", json!([[120, "pending"], [1440, "sent"]]))])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_of_what_was_cancelled() {
    given(Reminders)
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Appointment>(VISIT, "AppointmentCancelled", json!({}))
        .then([("reminders", DUE, json!([])), ("reminder_plans", "expected", json!([[false]]))])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_practice_decides_holds_for_appointments_that_are_ahead() {
    let rules = json!({"enabled": true, "rules": [{"channel": "sms", "minutesBefore": 60}]});
    given(Reminders)
        .event::<Facility>(PRACTICE.0, "FacilityOpened", json!({"name": "Cabinet du Port", "timeZone": "Europe/Paris"}))
        .event::<Appointment>(VISIT, "AppointmentBooked", booked())
        .event::<Facility>(PRACTICE.0, "ReminderRulesSet", rules)
        .then([
            ("reminders", DUE, json!([[60, "sms", "2026-11-23T08:00:00+00:00", "pending", "2026-11-23"]])),
            ("reminder_settings", "facility_id", json!([[PRACTICE]])),
        ])
        .await;
}
