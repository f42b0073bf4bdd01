use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, revision};
use system_tests::server::send;

/// A weekly series at nine.
fn weekly(agenda: &Agenda, count: usize) -> Value {
    let mut series = agenda.visit("09:00", "09:30");
    series["recurrenceRule"] = json!(format!("FREQ=WEEKLY;COUNT={count}"));
    series
}

fn ids(outcome: &Value) -> Vec<Value> {
    outcome["occurrences"].as_array().unwrap().iter().map(|occurrence| occurrence["appointmentId"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_told_of_per_occurrence_and_booked_in_part_only_if_that_was_asked_for() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let mut taken = agenda.visit("09:15", "09:45");
    taken["date"] = json!(in_a_week() + 14.days());
    taken["patientId"] = json!(agenda.another_patient(0).await);
    let taken = agenda.book(&taken).await;
    let mut series = weekly(&agenda, 4);
    let nothing = client.post("/appointments/series", &series).await.expect(200).body;
    assert_eq!((&nothing["done"], ids(&nothing).len()), (&json!(0), 4));
    let third = &nothing["occurrences"][2];
    assert_eq!((&third["code"], &third["conflicts"][0]["resourceId"]), (&json!("appointment_conflict"), &taken["id"]));
    assert_eq!(client.get(&format!("/patients/{}/appointments", agenda.patient)).await.expect(200).body["total"], 0);
    series["partial"] = json!(true);
    let keyed = || {
        let request = client.request(Method::POST, "/appointments/series").header("Idempotency-Key", "s");
        send(request.json(&series))
    };
    let part = keyed().await.expect(201).body;
    assert_eq!(part["done"], 3);
    assert_eq!(keyed().await.expect(201).body["seriesId"], part["seriesId"]);
    let listed = client.get(&format!("/appointments?seriesId={}", part["seriesId"].as_str().unwrap())).await;
    assert_eq!(listed.expect(200).body["total"], 3);
    let other_days = [in_a_week() + 7.days(), in_a_week() + 14.days()];
    series["exDates"] = json!(other_days);
    series["startTime"] = json!("11:00");
    series["endTime"] = json!("11:30");
    series["rDates"] = json!([format!("{}T15:00", in_a_week())]);
    let except = client.post("/appointments/series", &series).await.expect(201).body;
    assert_eq!(except["done"], 3, "{except}");
    assert_eq!(except["occurrences"][1]["originalStart"], format!("{}T15:00", in_a_week()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_cannot_be_followed_is_refused_with_why() {
    let agenda = Agenda::new().await;
    for rule in ["FREQ=HOURLY;COUNT=2", "FREQ=WEEKLY", "every week", "FREQ=DAILY;COUNT=500"] {
        let mut series = weekly(&agenda, 2);
        series["recurrenceRule"] = json!(rule);
        let refused = agenda.secretary().post("/appointments/series", &series).await;
        assert_eq!(refused.expect_problem(422, "validation_failed").violated_fields(), ["recurrenceRule"], "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_series_goes_its_own_way_and_the_rest_is_moved_or_called_off() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let series = client.post("/appointments/series", &weekly(&agenda, 4)).await.expect(201).body;
    let of =
        |number: usize| format!("/appointments/{}", series["occurrences"][number]["appointmentId"].as_str().unwrap());
    // One is moved by itself, and keeps when the series says that it begins.
    let second = client.get(&of(1)).await.expect(200).body;
    let mut visit = agenda.visit("10:00", "10:30");
    visit["date"] = second["date"].clone();
    let moved = agenda.revise(&second, &revision(&visit, &[])).await.expect(200).body;
    assert_eq!((&moved["originalStart"], &moved["startTime"]), (&second["originalStart"], &json!("10:00")));
    client.post(&format!("{}/cancel", of(0)), &json!({})).await.expect(200);
    assert_eq!(client.get(&of(2)).await.expect(200).body["status"], "scheduled");
    // From the third on: a week later, in whose times they lie themselves.
    let later = json!({"daysLater": 7, "startTime": "09:15"});
    let outcome = client.post(&format!("{}/following/move", of(2)), &later).await.expect(201).body;
    assert_eq!((&outcome["done"], ids(&outcome).len()), (&json!(2), 2));
    let third = client.get(&of(2)).await.expect(200).body;
    assert_eq!((&third["date"], &third["startTime"]), (&json!(in_a_week() + 21.days()), &json!("09:15")));
    assert_eq!((&third["duration"], &third["originalStart"]), (&json!(30), &series["occurrences"][2]["originalStart"]));
    // Nothing is moved where one of them meets something.
    let mut other = agenda.visit("12:00", "12:30");
    other["date"] = json!(in_a_week() + 28.days());
    other["patientId"] = json!(agenda.another_patient(0).await);
    agenda.book(&other).await;
    let to_noon = json!({"startTime": "12:00"});
    let nothing = client.post(&format!("{}/following/move", of(2)), &to_noon).await.expect(200).body;
    assert_eq!((&nothing["done"], &nothing["occurrences"][1]["code"]), (&json!(0), &json!("appointment_conflict")));
    assert_eq!(client.get(&of(2)).await.expect(200).body["startTime"], "09:15");
    let cancelled = client.post(&format!("{}/following/cancel", of(1)), &json!({"reason": "Guéri"})).await.expect(201);
    assert_eq!(cancelled.body["done"], 3);
    for number in 1..4 {
        assert_eq!(client.get(&of(number)).await.expect(200).body["cancellationReason"], "Guéri");
    }
    let alone = agenda.book(&agenda.visit("15:00", "15:30")).await;
    let refused = client.post(&format!("{}/following/cancel", path(&alone)), &json!({})).await;
    refused.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn visits_that_belong_together_are_booked_together_or_not_at_all() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let other_doctor = agenda.another_doctor("Petit").await;
    let item = |start: &str, end: &str, doctor: &str| {
        revision(&agenda.visit(start, end), &[("practitionerId", json!(doctor))])
    };
    let linked = |items: Vec<Value>| json!({"patientId": agenda.patient, "items": items});
    let mut taken = agenda.visit("10:00", "10:30");
    taken["patientId"] = json!(agenda.another_patient(0).await);
    agenda.book(&taken).await;
    let (first, second) = (item("09:00", "09:30", &agenda.doctor), item("10:00", "10:30", &agenda.doctor));
    let refused = client.post("/appointments/linked", &linked(vec![first.clone(), second])).await;
    let refused = refused.expect_problem(409, "appointment_conflict");
    assert_eq!(refused.body["conflicts"][0]["fields"], json!(["items[1].practitionerId"]));
    let overlapping = item("09:15", "09:45", &other_doctor);
    client
        .post("/appointments/linked", &linked(vec![first.clone(), overlapping]))
        .await
        .expect_problem(409, "appointment_conflict");
    let mut elsewhen = item("10:00", "10:30", &other_doctor);
    elsewhen["date"] = json!(in_a_week() + 1.day());
    let refused = client.post("/appointments/linked", &linked(vec![first.clone(), elsewhen])).await;
    assert_eq!(refused.expect_problem(422, "validation_failed").body["violations"][0]["rule"], "one_day");
    let good = linked(vec![first, item("10:00", "10:30", &other_doctor)]);
    let booked = client.post("/appointments/linked", &good).await.expect(201).body;
    let link = booked["linkId"].as_str().unwrap();
    assert!(booked["items"].as_array().unwrap().iter().all(|item| item["linkId"] == link), "{booked}");
    assert_eq!(client.get(&format!("/appointments?linkId={link}")).await.expect(200).body["total"], 2);
}
