use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, revision};
use uuid::Uuid;

use super::{Refusals, refusals_of, step, with};

/// A visit with these fields in the place of its own.
fn but(visit: &Value, changes: &[(&str, Value)]) -> Value {
    let mut visit = visit.clone();
    for (field, value) in changes {
        visit[*field] = value.clone();
    }
    visit
}

async fn booking(refusals: &mut Refusals, agenda: &Agenda) {
    let client = agenda.secretary();
    let visit = agenda.visit("09:00", "09:30");
    let taken = agenda.book(&visit).await;
    let elsewhere = Uuid::now_v7();
    for (wrong, changes) in [
        ("somebody is there already", &[("startTime", json!("09:15")), ("endTime", json!("09:45"))][..]),
        ("outside the hours", &[("startTime", json!("22:00")), ("endTime", json!("22:30"))]),
        ("in the past", &[("date", json!("2026-01-05"))]),
        ("it ends before it begins", &[("endTime", json!("08:00"))]),
        ("too short", &[("endTime", json!("09:01"))]),
        ("times and codes that are none", &[("startTime", json!("9h")), ("type", json!("visite"))]),
        ("an unknown patient", &[("patientId", json!(elsewhere))]),
        ("an unknown practitioner", &[("practitionerId", json!(elsewhere))]),
        (
            "an unknown room",
            &[("startTime", json!("11:00")), ("endTime", json!("11:30")), ("roomId", json!(elsewhere))],
        ),
        (
            "an unknown hold",
            &[("startTime", json!("11:00")), ("endTime", json!("11:30")), ("holdId", json!(elsewhere))],
        ),
        (
            "an overlap that nobody allows",
            &[("acceptOverlap", json!(true)), ("justification", json!("Fratrie")), ("startTime", json!("09:15"))],
        ),
    ] {
        refusals.note("bookAppointment", wrong, &client.post("/appointments", &but(&visit, changes)).await);
    }
    let key = ("Idempotency-Key", "refusals");
    let later = agenda.visit("16:00", "16:30");
    with(client, Method::POST, "/appointments", key, &later).await.expect(201);
    let other = with(client, Method::POST, "/appointments", key, &visit).await;
    refusals.note("bookAppointment", "a key of another request", &other);

    let hold = |start: &str, end: &str| json!({"practitionerId": agenda.doctor, "date": in_a_week(), "startTime": start, "endTime": end});
    refusals.note(
        "holdSlot",
        "somebody is there already",
        &client.post("/appointments/hold", &hold("09:00", "09:30")).await,
    );
    refusals.note("holdSlot", "outside the hours", &client.post("/appointments/hold", &hold("22:00", "22:30")).await);
    refusals.note(
        "holdSlot",
        "it ends before it begins",
        &client.post("/appointments/hold", &hold("10:00", "09:30")).await,
    );
    let booked = format!("/appointments/hold/{}", taken["id"].as_str().expect("an id"));
    refusals.note("releaseSlot", "it was booked", &client.delete(&booked).await);
    let query = format!("practitionerId={}&date={}&startTime=9h&endTime=09:30", agenda.doctor, in_a_week());
    let conflicts = client.get(&format!("/appointments/conflicts?{query}")).await;
    refusals.note_if_refused("checkConflicts", "a time that is none", &conflicts);
    refusals.note("checkConflicts", "nothing is asked", &client.get("/appointments/conflicts").await);
}

async fn together(refusals: &mut Refusals, agenda: &Agenda) {
    let client = agenda.secretary();
    let visit = agenda.visit("13:00", "13:30");
    for (wrong, rule) in
        [("every hour", "FREQ=HOURLY;COUNT=2"), ("without an end", "FREQ=WEEKLY"), ("in words", "weekly")]
    {
        let series = but(&visit, &[("recurrenceRule", json!(rule))]);
        refusals.note("bookSeries", wrong, &client.post("/appointments/series", &series).await);
    }
    let item = |start: &str, end: &str| revision(&agenda.visit(start, end), &[]);
    let linked = |items: Vec<Value>| json!({"patientId": agenda.patient, "items": items});
    let one_is_taken = linked(vec![item("09:00", "09:30"), item("14:00", "14:30")]);
    let refused = client.post("/appointments/linked", &one_is_taken).await;
    refusals.note("bookLinked", "somebody is there already", &refused);
    let mut tomorrow = item("14:00", "14:30");
    tomorrow["date"] = json!(in_a_week() + 1.day());
    let refused = client.post("/appointments/linked", &linked(vec![item("13:00", "13:30"), tomorrow])).await;
    refusals.note("bookLinked", "on two days", &refused);
    refusals.note(
        "bookLinked",
        "only one",
        &client.post("/appointments/linked", &linked(vec![item("13:00", "13:30")])).await,
    );

    let alone = path(&agenda.book(&agenda.visit("15:00", "15:30")).await);
    let cancel = client.post(&format!("{alone}/following/cancel"), &json!({})).await;
    refusals.note("cancelFollowing", "it is in no series", &cancel);
    let shift = client.post(&format!("{alone}/following/move"), &json!({"daysLater": 1})).await;
    refusals.note("moveFollowing", "it is in no series", &shift);
    let shift = client.post(&format!("{alone}/following/move"), &json!({"startTime": "9h"})).await;
    refusals.note("moveFollowing", "a time that is none", &shift);
}

async fn life(refusals: &mut Refusals, agenda: &Agenda) {
    let client = agenda.secretary();
    let visit = agenda.visit("10:00", "10:30");
    let appointment = agenda.book(&visit).await;
    let of = path(&appointment);
    let onto = revision(&visit, &[("startTime", json!("09:15")), ("endTime", json!("09:45"))]);
    refusals.note("reviseAppointment", "somebody is there already", &agenda.revise(&appointment, &onto).await);
    let night = revision(&visit, &[("startTime", json!("22:00")), ("endTime", json!("22:30"))]);
    refusals.note("reviseAppointment", "outside the hours", &agenda.revise(&appointment, &night).await);
    let wrong = revision(&visit, &[("endTime", json!("09:00")), ("title", json!(" "))]);
    refusals.note("reviseAppointment", "values that break rules", &agenda.revise(&appointment, &wrong).await);
    refusals.note("startAppointment", "nobody has come", &step(client, &format!("{of}/start")).await);
    refusals.note("completeAppointment", "nobody has come", &step(client, &format!("{of}/complete")).await);
    refusals.note("reportAbsence", "it has not begun", &step(client, &format!("{of}/no-show")).await);
    refusals.note(
        "restoreAppointment",
        "it is not called off",
        &client.post(&format!("{of}/restore"), &json!({})).await,
    );
    let silent = client.post(&format!("{of}/cancel"), &json!({"reason": " "})).await;
    refusals.note("cancelAppointment", "an empty reason", &silent);
    let reminders = json!({"reminders": [{"type": "pigeon", "time": "24h_before"}, {"type": "sms", "time": "soon"}]});
    let choose = client.put(&format!("{of}/reminders"), &reminders).await;
    refusals.note("chooseAppointmentReminders", "values that break rules", &choose);

    client.post(&format!("{of}/cancel"), &json!({"reason": "Empêchement"})).await.expect(200);
    refusals.note("cancelAppointment", "called off", &client.post(&format!("{of}/cancel"), &json!({})).await);
    refusals.note("confirmAppointment", "called off", &step(client, &format!("{of}/confirm")).await);
    refusals.note("reportArrival", "called off", &step(client, &format!("{of}/arrive")).await);
    refusals.note("deleteAppointment", "called off", &client.delete(&of).await);
    let cancelled = client.get(&of).await.expect(200).body;
    refusals.note("reviseAppointment", "called off", &agenda.revise(&cancelled, &revision(&visit, &[])).await);
    let choose = client.put(&format!("{of}/reminders"), &json!({"reminders": []})).await;
    refusals.note("chooseAppointmentReminders", "called off", &choose);
    let mut other = visit.clone();
    other["patientId"] = json!(agenda.another_patient(0).await);
    agenda.book(&other).await;
    let restore = client.post(&format!("{of}/restore"), &json!({})).await;
    refusals.note("restoreAppointment", "somebody is there already", &restore);
    for (wrong, query) in
        [("a day and a week", "date=2026-11-23&week=2026-11-23"), ("a status that is none", "status=lost")]
    {
        refusals.note("listAppointments", wrong, &client.get(&format!("/appointments?{query}")).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appointments_are_refused_like_this() {
    let agenda = Agenda::new().await;
    let (refusals, _) = refusals_of("Appointments", async |refusals| {
        booking(refusals, &agenda).await;
        together(refusals, &agenda).await;
        life(refusals, &agenda).await;
    })
    .await;
    insta::assert_json_snapshot!("appointments", refusals);
}
