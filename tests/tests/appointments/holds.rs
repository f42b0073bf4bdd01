use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path};
use system_tests::server::send;

/// A slot of the doctor in a week.
fn slot(agenda: &Agenda, start: &str, end: &str) -> Value {
    json!({"practitionerId": agenda.doctor, "date": in_a_week(), "startTime": start, "endTime": end})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_held_is_nobody_elses_and_becomes_the_appointment() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let held = client.post("/appointments/hold", &slot(&agenda, "09:00", "09:30")).await.expect(201).body;
    assert_eq!((&held["status"], &held["patientId"]), (&json!("held"), &Value::Null));
    assert!(held["heldUntil"].is_string(), "{held}");
    let mut visit = agenda.visit("09:00", "09:30");
    let refused = client.post("/appointments", &visit).await.expect_problem(409, "appointment_conflict");
    assert_eq!(refused.body["conflicts"][0]["resourceId"], held["id"]);
    let list = client.get(&format!("/appointments?date={}", in_a_week())).await.expect(200).body;
    assert_eq!(list["items"][0]["status"], "held");
    visit["holdId"] = held["id"].clone();
    let booked = agenda.book(&visit).await;
    assert_eq!((&booked["id"], &booked["status"]), (&held["id"], &json!("scheduled")));
    client.post("/appointments", &visit).await.expect_problem(409, "invalid_state");
    visit["holdId"] = json!(agenda.patient);
    let refused = client.post("/appointments", &visit).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.body["violations"][0]["rule"], "unknown_hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_released_and_the_same_request_holds_it_once() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let keyed = || {
        let request = client.request(Method::POST, "/appointments/hold").header("Idempotency-Key", "h");
        send(request.json(&slot(&agenda, "09:00", "09:30")))
    };
    let held = keyed().await.expect(201).body;
    assert_eq!(keyed().await.expect(201).body, held);
    let release = format!("/appointments/hold/{}", held["id"].as_str().unwrap());
    assert_eq!(client.delete(&release).await.expect(200).body["status"], "released");
    client.delete(&release).await.expect_problem(404, "resource_not_found");
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    client
        .delete(&format!("/appointments/hold/{}", booked["id"].as_str().unwrap()))
        .await
        .expect_problem(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dry_run_says_what_a_booking_would_hear() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let first = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let patient = agenda.another_patient(0).await;
    let check = |start: &str, end: &str, more: String| {
        let query =
            format!("practitionerId={}&date={}&startTime={start}&endTime={end}{more}", agenda.doctor, in_a_week());
        async move { client.get(&format!("/appointments/conflicts?{query}")).await.expect(200).body }
    };
    let free = check("09:30", "10:00", format!("&patientId={patient}")).await;
    assert_eq!((&free["bookable"], &free["conflicts"]), (&json!(true), &json!([])));
    let mut visit = agenda.visit("09:15", "09:45");
    visit["patientId"] = json!(patient);
    let refused = client.post("/appointments", &visit).await.expect_problem(409, "appointment_conflict").body;
    let told = check("09:15", "09:45", format!("&patientId={patient}")).await;
    for member in ["code", "conflicts", "alternatives"] {
        assert_eq!(told[member], refused[member], "{member}");
    }
    assert_eq!(told["alternatives"].as_array().unwrap().len(), 5, "{told}");
    // Of moving the appointment itself it is no obstacle.
    let own = format!("&appointmentId={}", first["id"].as_str().unwrap());
    assert_eq!(check("09:15", "09:45", own).await["bookable"], true);
    let night = check("21:00", "21:30", String::new()).await;
    assert_eq!((&night["bookable"], &night["code"]), (&json!(false), &json!("outside_availability")));
    let backwards = check("10:00", "09:00", String::new()).await;
    assert_eq!(backwards["violations"][0]["rule"], "ends_before_start");
    // What is told as free can be booked.
    let start = told["alternatives"][0]["start"].as_str().unwrap();
    let (date, time) = start.split_at(10);
    (visit["date"], visit["startTime"]) = (json!(date), json!(time[1..6]));
    visit["duration"] = json!(30);
    visit.as_object_mut().unwrap().remove("endTime");
    agenda.book(&visit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_by_mistake_is_restored_if_its_time_is_free() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let restore = format!("{}/restore", path(&booked));
    client.post(&restore, &json!({})).await.expect_problem(409, "invalid_state");
    client.post(&format!("{}/cancel", path(&booked)), &json!({"reason": "Erreur"})).await.expect(200);
    let mut other = visit.clone();
    other["patientId"] = json!(agenda.another_patient(0).await);
    let in_between = agenda.book(&other).await;
    client.post(&restore, &json!({})).await.expect_problem(409, "appointment_conflict");
    client.delete(&path(&in_between)).await.expect(200);
    let restored = client.post(&restore, &json!({})).await.expect(200).body;
    assert_eq!((&restored["status"], &restored["cancellationReason"]), (&json!("scheduled"), &Value::Null));
    client.post("/appointments", &other).await.expect_problem(409, "appointment_conflict");
}
