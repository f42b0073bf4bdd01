use std::collections::BTreeSet;

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, today};
use system_tests::server::send;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_booked_is_read_as_it_was_booked() {
    let agenda = Agenda::new().await;
    let mut visit = agenda.visit("09:00", "09:30");
    visit["additionalSlots"] = json!([{"start": "10:00", "end": "10:15"}]);
    visit["priority"] = json!("high");
    let booked = agenda.secretary().post("/appointments", &visit).await.expect(201);
    let id = booked.body["id"].as_str().unwrap();
    assert_eq!(booked.header("location"), Some(format!("/api/v1/appointments/{id}").as_str()));
    assert_eq!(booked.header("etag"), Some("\"1\""));
    let day = in_a_week().to_string();
    for (field, expected) in [
        ("status", json!("scheduled")),
        ("date", json!(day)),
        ("startTime", json!("09:00")),
        ("endTime", json!("09:30")),
        ("duration", json!(30)),
        ("timeZone", json!("Europe/Paris")),
        ("additionalSlots", json!([{"date": day, "start": "10:00", "end": "10:15"}])),
        ("priority", json!("high")),
        ("title", json!("Suivi")),
        ("reason", json!("Toux")),
        ("notes", json!("Vient avec sa fille.")),
        ("patientId", json!(agenda.patient)),
        ("practitionerId", json!(agenda.doctor)),
        ("outsideAvailability", Value::Null),
    ] {
        assert_eq!(booked.body[field], expected, "{field}");
    }
    let start = booked.body["start"].as_str().unwrap();
    assert!(start.starts_with(&format!("{day}T09:00:00+0")), "{start}");
    let read = agenda.secretary().get(&path(&booked.body)).await.expect(200);
    assert_eq!((&read.body, read.header("etag")), (&booked.body, Some("\"1\"")));
    let known = agenda.secretary().request(Method::GET, &path(&booked.body)).header("If-None-Match", "\"1\"");
    assert_eq!(send(known).await.expect(304).text, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_taken_is_refused_with_what_takes_it() {
    let agenda = Agenda::new().await;
    let first = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let mut second = agenda.visit("09:15", "09:45");
    let both = agenda.secretary().post("/appointments", &second).await.expect_problem(409, "appointment_conflict");
    let rules = |body: &Value| {
        let conflicts = body["conflicts"].as_array().unwrap();
        conflicts.iter().map(|conflict| conflict["rule"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(rules(&both.body), BTreeSet::from(["same_practitioner", "same_patient"].map(str::to_owned)));
    second["patientId"] = json!(agenda.another_patient(0).await);
    let refused = agenda.secretary().post("/appointments", &second).await.expect_problem(409, "appointment_conflict");
    let period = json!({"start": first["start"], "end": first["end"]});
    let expected = json!([{
        "resourceType": "appointment", "resourceId": first["id"], "rule": "same_practitioner",
        "fields": ["practitionerId"], "period": period,
    }]);
    assert_eq!(refused.body["conflicts"], expected);
    // What ends when the other begins does not meet it.
    second["startTime"] = json!("09:30");
    agenda.book(&second).await;
    let mut same_patient = agenda.visit("09:00", "09:30");
    same_patient["practitionerId"] = json!(agenda.another_doctor("Petit").await);
    let refused = agenda.secretary().post("/appointments", &same_patient).await;
    let refused = refused.expect_problem(409, "appointment_conflict");
    assert_eq!(rules(&refused.body), BTreeSet::from(["same_patient".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_hours_only_emergencies_and_what_is_justified() {
    let agenda = Agenda::new().await;
    let mut night = agenda.visit("22:00", "22:30");
    let refused = agenda.secretary().post("/appointments", &night).await.expect_problem(409, "outside_availability");
    let open = refused.body["openHours"].as_array().unwrap();
    assert!(open[0]["start"].as_str().unwrap().starts_with(&format!("{}T10:00:00", in_a_week())), "{open:?}");
    assert!(open[0]["end"].as_str().unwrap().starts_with(&format!("{}T20:00:00", in_a_week())), "{open:?}");
    night["overrideAvailability"] = json!(true);
    let refused = agenda.secretary().post("/appointments", &night).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["justification"]);
    night["justification"] = json!("Retour de garde");
    assert_eq!(agenda.book(&night).await["outsideAvailability"], true);
    let mut emergency = agenda.visit("23:00", "23:30");
    emergency["type"] = json!("emergency");
    assert_eq!(agenda.book(&emergency).await["outsideAvailability"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_booked_with_a_justification_only() {
    let agenda = Agenda::new().await;
    let mut visit = agenda.visit("09:00", "09:30");
    visit["date"] = json!(today().yesterday().unwrap());
    visit["overrideAvailability"] = json!(true);
    let refused = agenda.secretary().post("/appointments", &visit).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.body["violations"][0]["rule"], "in_the_past");
    assert_eq!(refused.violated_fields(), ["justification"]);
    visit["justification"] = json!("Saisie après la visite");
    agenda.book(&visit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_is_accepted_where_the_practice_allows_it_and_somebody_says_why() {
    let agenda = Agenda::new().await;
    let first = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let mut second = agenda.visit("09:00", "09:30");
    second["patientId"] = json!(agenda.another_patient(0).await);
    second["acceptOverlap"] = json!(true);
    second["justification"] = json!("Deux enfants d'une famille");
    agenda.secretary().post("/appointments", &second).await.expect_problem(409, "overlap_not_allowed");
    agenda.allow_overlaps().await;
    let mut silent = second.clone();
    silent.as_object_mut().unwrap().remove("justification");
    let refused = agenda.secretary().post("/appointments", &silent).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["justification"]);
    assert_eq!(agenda.book(&second).await["overlaps"], json!([first["id"]]));
    // The next one that does not say so meets both.
    let mut third = agenda.visit("09:00", "09:30");
    third["patientId"] = json!(agenda.another_patient(1).await);
    let refused = agenda.secretary().post("/appointments", &third).await.expect_problem(409, "appointment_conflict");
    assert_eq!(refused.body["conflicts"].as_array().unwrap().len(), 2);
    // Nobody is in two places: the patient's own appointments never overlap.
    second["practitionerId"] = json!(agenda.another_doctor("Petit").await);
    agenda.secretary().post("/appointments", &second).await.expect_problem(409, "appointment_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_books_once_and_a_key_is_good_for_one_request() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let keyed = |body: &Value| {
        let request = agenda.secretary().request(Method::POST, "/appointments").header("Idempotency-Key", "once");
        send(request.json(body))
    };
    let first = keyed(&visit).await.expect(201);
    agenda.step(&first.body, "confirm").await.expect(200);
    let again = keyed(&visit).await.expect(201);
    assert_eq!((again.body, again.headers["etag"].clone()), (first.body.clone(), first.headers["etag"].clone()));
    keyed(&agenda.visit("10:00", "10:30")).await.expect_problem(422, "idempotency_key_reused");
    // Also when what it was decided on is not so any more.
    agenda.secretary().delete(&format!("/patients/{}", agenda.patient)).await.expect(200);
    assert_eq!(keyed(&visit).await.expect(201).body, first.body);
    let mut other = agenda.visit("10:00", "10:30");
    let refused = agenda.secretary().post("/appointments", &other).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.body["violations"][0]["rule"], "patient_archived");
    other["patientId"] = json!(Uuid::now_v7());
    other["practitionerId"] = json!(Uuid::now_v7());
    let refused = agenda.secretary().post("/appointments", &other).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["practitionerId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_gets_the_slot() {
    let agenda = Agenda::new().await;
    let mut visits = Vec::new();
    for number in 0..12 {
        let mut visit = agenda.visit("09:00", "09:30");
        visit["patientId"] = json!(agenda.another_patient(number).await);
        visits.push(visit);
    }
    let answers =
        futures_util::future::join_all(visits.iter().map(|v| agenda.secretary().post("/appointments", v))).await;
    let booked: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(booked.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("appointment_conflict")), "{}", refused.text);
        assert_eq!(refused.body["conflicts"][0]["resourceId"], booked[0].body["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_is_refused_and_whoever_reads_is_traced() {
    let agenda = Agenda::new().await;
    let appointment = agenda.book(&agenda.visit("09:00", "09:30")).await;
    for role in [Role::Doctor, Role::Nurse, Role::Admin, Role::Auditor] {
        agenda.practice.client(role).get(&path(&appointment)).await.expect(200);
    }
    agenda.practice.client(Role::Dpo).get(&path(&appointment)).await.expect_problem(403, "permission_denied");
    let visit = agenda.visit("10:00", "10:30");
    for role in [Role::Admin, Role::Auditor, Role::Dpo] {
        let refused = agenda.practice.client(role).post("/appointments", &visit).await;
        refused.expect_problem(403, "permission_denied");
    }
    let log = agenda.practice.client(Role::Auditor).get(&format!("/patients/{}/access-log", agenda.patient)).await;
    let log = log.expect(200).body;
    let of_appointment = log["items"].as_array().unwrap().iter().filter(|entry| entry["resourceType"] == "appointment");
    let entries: Vec<_> = of_appointment.collect();
    assert_eq!(entries.len(), 5, "the booking, and four who looked: {log}");
    assert!(entries.iter().all(|entry| entry["resourceId"] == appointment["id"]), "{log}");
}
