//! A place on the list: taken, read, changed and left, in the order of the line, and by whom it may be.

use domain::role::Role;
use reqwest::Method;
use serde_json::json;
use system_tests::agenda::Agenda;
use system_tests::server::send;

use super::{join, now, place, wish, with, without};

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_joins_is_read_changed_and_leaves() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let wished = with(
        wish(&agenda, &agenda.patient),
        &[
            ("daysOfWeek", json!([4, 1, 1])),
            ("times", json!([{"start": "08:00", "end": "12:30"}])),
            ("channel", json!("sms")),
        ],
    );
    let joined = client.post("/waiting-list", &wished).await.expect(201);
    assert_eq!(joined.header("etag"), Some("\"1\""));
    assert_eq!(joined.header("location"), Some(&*format!("/api/v1{}", place(&joined.body))));
    let entry = joined.body;
    assert_eq!(
        (&entry["status"], &entry["daysOfWeek"], &entry["reason"]),
        (&json!("waiting"), &json!([1, 4]), &json!("Toux"))
    );
    assert_eq!(now(client, &entry).await, entry);
    let known = client.request(Method::GET, &place(&entry)).header("If-None-Match", "\"1\"");
    send(known).await.expect(304);

    let changed = without(with(wished, &[("duration", json!(45))]), "patientId");
    let stale = client.request(Method::PUT, &place(&entry)).header("If-Match", "\"7\"").json(&changed);
    send(stale).await.expect_problem(412, "stale_version");
    let revised = client.put(&place(&entry), &changed).await.expect(200);
    assert_eq!((&revised.body["duration"], revised.header("etag")), (&json!(45), Some("\"2\"")));
    let same = client.put(&place(&entry), &changed).await.expect(200);
    assert_eq!((same.header("etag"), same.header("event-position")), (Some("\"2\""), None), "nothing changed");

    let left = client.delete(&place(&entry)).await.expect(200);
    assert_eq!(left.body["status"], "left");
    client.delete(&place(&entry)).await.expect_problem(409, "invalid_state");
    client.put(&place(&entry), &changed).await.expect_problem(409, "invalid_state");
    assert_eq!(client.get("/waiting-list").await.expect(200).body["total"], 0);
    assert_eq!(client.get("/waiting-list?status=left").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_the_line_and_names_patients_to_whom_may_read_them() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let mut expected = Vec::new();
    for (number, priority) in ["normal", "low", "urgent", "normal"].into_iter().enumerate() {
        let patient = agenda.another_patient(number).await;
        let entry = join(&agenda, &with(wish(&agenda, &patient), &[("priority", json!(priority))])).await;
        expected.push(entry["id"].clone());
    }
    let line = [2, 0, 3, 1].map(|place: usize| expected[place].clone());
    let list = client.get("/waiting-list").await.expect(200);
    let ids = |body: &serde_json::Value| {
        body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&list.body), line);
    let first = &list.body["items"][0];
    assert_eq!(first["patientName"], "c Diallo");
    assert_eq!((first.get("reason"), first.get("title")), (None, None), "lists carry summaries");
    let tag = list.header("etag").unwrap().to_owned();
    let again = send(client.request(Method::GET, "/waiting-list").header("If-None-Match", &tag)).await.expect(304);
    assert_eq!(again.header("etag"), Some(&*tag));

    let (mut path, mut paged) = ("/waiting-list?limit=3".to_owned(), Vec::new());
    loop {
        let page = client.get(&path).await.expect(200);
        paged.extend(ids(&page.body));
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        path = format!("/waiting-list?limit=3&cursor={next}");
    }
    assert_eq!(paged, line);
    assert_eq!(client.get("/waiting-list?limit=3&page=2").await.expect(200).body["items"].as_array().unwrap().len(), 1);
    let of_patient = format!("/waiting-list?patientId={}", first["patientId"].as_str().unwrap());
    assert_eq!(ids(&client.get(&of_patient).await.expect(200).body), [line[0].clone()]);
    let of_doctor = format!("/waiting-list?practitionerId={}", agenda.doctor);
    assert_eq!(client.get(&of_doctor).await.expect(200).body["total"], 4);

    // Whose name is shown is traced.
    let log = format!("/patients/{}/access-log", first["patientId"].as_str().unwrap());
    let accesses = agenda.practice.client(Role::Auditor).get(&log).await.expect(200).body;
    assert!(accesses["items"].as_array().unwrap().iter().any(|access| access["deed"] == "search"), "{accesses}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_write_appointments_only_looks_and_another_practice_does_not() {
    let (agenda, elsewhere) = (Agenda::new().await, Agenda::new().await);
    let entry = join(&agenda, &wish(&agenda, &agenda.patient)).await;
    let admin = agenda.practice.client(Role::Admin);
    admin.get(&place(&entry)).await.expect(200);
    admin.post("/waiting-list", &wish(&agenda, &agenda.patient)).await.expect_problem(403, "permission_denied");
    agenda.practice.client(Role::Dpo).get("/waiting-list").await.expect_problem(403, "permission_denied");
    let stranger = elsewhere.secretary();
    for answer in [
        stranger.get(&place(&entry)).await,
        stranger.delete(&place(&entry)).await,
        stranger.put(&place(&entry), &without(wish(&elsewhere, &elsewhere.patient), "patientId")).await,
        stranger.post(&format!("{}/offers", place(&entry)), &super::offer_at(&elsewhere, "09:00")).await,
        stranger.post(&format!("{}/accept", place(&entry)), &json!({"offerId": entry["id"]})).await,
        stranger.post(&format!("{}/decline", place(&entry)), &json!({"offerId": entry["id"]})).await,
    ] {
        answer.expect_problem(404, "resource_not_found");
    }
    assert_eq!(stranger.get("/waiting-list").await.expect(200).body["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_is_repeated_is_one_place() {
    let agenda = Agenda::new().await;
    let wished = wish(&agenda, &agenda.patient);
    let client = agenda.secretary();
    let ask = || send(client.request(Method::POST, "/waiting-list").header("Idempotency-Key", "once").json(&wished));
    let (first, second) = (ask().await.expect(201).body, ask().await.expect(201).body);
    assert_eq!(first, second);
    assert_eq!(client.get("/waiting-list").await.expect(200).body["total"], 1);
    let other = with(wished.clone(), &[("duration", json!(20))]);
    let reused = client.request(Method::POST, "/waiting-list").header("Idempotency-Key", "once").json(&other);
    send(reused).await.expect_problem(422, "idempotency_key_reused");
}
