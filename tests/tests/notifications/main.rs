//! Notifications of staff through the HTTP interface of a real server: what there is to know, and who has read what.

use std::time::{Duration, Instant};

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, today};
use system_tests::server::{Client, send};

/// Somebody waits for the doctor's time.
async fn waiting(agenda: &Agenda, patient: &str) -> Value {
    let wish = json!({
        "patientId": patient, "practitionerIds": [agenda.doctor], "type": "consultation", "duration": 30,
        "earliest": today(), "latest": in_a_week(),
    });
    agenda.secretary().post("/waiting-list", &wish).await.expect(201).body
}

/// They are offered a slot and take it: something for the staff to know.
async fn accepted(agenda: &Agenda, patient: &str, start: &str) -> Value {
    let place = format!("/waiting-list/{}", waiting(agenda, patient).await["id"].as_str().unwrap());
    let client = agenda.secretary();
    let offer = json!({"practitionerId": agenda.doctor, "date": in_a_week(), "startTime": start});
    let offered = client.post(&format!("{place}/offers"), &offer).await.expect(200).body;
    let answer = json!({"offerId": offered["offer"]["offerId"]});
    client.post(&format!("{place}/accept"), &answer).await.expect(200).body
}

async fn list(client: &Client, query: &str) -> Value {
    client.get(&format!("/notifications{query}")).await.expect(200).body
}

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn mark(client: &Client, id: &str, how: &str) -> u16 {
    send(client.request(Method::POST, &format!("/notifications/{id}/{how}"))).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_and_taken_is_told_in_french_and_with_names_for_whom_may_see_them() {
    let agenda = Agenda::new().await;
    let entry = accepted(&agenda, &agenda.patient, "09:00").await;
    let told = list(agenda.secretary(), "").await;
    let notification = &told["items"][0];
    assert_eq!((&told["total"], &told["unread"]), (&json!(1), &json!(1)));
    assert_eq!(notification["kind"], "waiting_offer_accepted");
    assert_eq!(
        (&notification["resourceType"], &notification["resourceId"]),
        (&json!("waiting_list_entry"), &entry["id"])
    );
    assert_eq!(notification["appointmentId"], entry["bookedAppointmentId"]);
    let text = notification["text"].as_str().unwrap();
    assert!(text.starts_with("Zoé Le Goff a accepté le créneau proposé"), "{text}");
    assert!(text.contains(" à 9 h") && text.contains("Maë Kerjean"), "{text}");

    // A nurse who may no longer read patients is told the same, and of nobody.
    let admin = agenda.practice.client(Role::Admin);
    let known = agenda.practice.client(Role::Nurse).get("/auth/me").await.expect(200).body;
    let mut permissions = known["permissions"].clone();
    permissions["patients"] = json!({"read": false, "write": false});
    let request = admin.request(Method::PUT, "/facilities/current/permissions/nurse").header("If-Match", "*");
    send(request.json(&json!({"permissions": permissions}))).await.expect(200);
    let began = Instant::now();
    loop {
        let told = list(agenda.practice.client(Role::Nurse), "").await;
        let text = told["items"][0]["text"].as_str().unwrap().to_owned();
        if text.starts_with("Un patient a accepté") {
            assert!(!text.contains("Le Goff"));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_read_is_read_for_them_alone() {
    let agenda = Agenda::new().await;
    let (secretary, doctor) = (agenda.secretary(), agenda.practice.client(Role::Doctor));
    for (number, start) in ["09:00", "10:00", "11:00", "12:00"].into_iter().enumerate() {
        accepted(&agenda, &agenda.another_patient(number).await, start).await;
    }
    let all = ids(&list(secretary, "").await);
    assert_eq!(all.len(), 4);
    assert_eq!(mark(secretary, &all[0], "read").await, 204);
    assert_eq!(mark(secretary, &all[0], "read").await, 204, "twice is once");
    assert_eq!(ids(&list(secretary, "?unread=true").await), all[1..]);
    assert_eq!(mark(secretary, &all[2], "read-up-to").await, 204);
    let left = list(secretary, "?unread=true").await;
    assert_eq!((ids(&left), &left["unread"], &left["total"]), (all[1..2].to_vec(), &json!(1), &json!(4)));
    assert_eq!(list(doctor, "").await["unread"], 4);
    let unread: Vec<_> =
        list(secretary, "").await["items"].as_array().unwrap().iter().map(|item| item["unread"].clone()).collect();
    assert_eq!(unread, [json!(false), json!(true), json!(false), json!(false)]);

    // Page by page is the list, the newest first.
    let (mut path, mut paged) = ("?limit=3".to_owned(), Vec::new());
    loop {
        let page = list(secretary, &path).await;
        paged.extend(ids(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("?limit=3&cursor={next}");
    }
    assert_eq!(paged, all);
    assert_eq!(ids(&list(secretary, "?limit=3&page=2").await), all[3..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let agenda = Agenda::new().await;
    accepted(&agenda, &agenda.patient, "09:00").await;
    let client = agenda.secretary();
    let first = client.get("/notifications").await.expect(200);
    let tag = first.header("etag").unwrap().to_owned();
    let again = || send(client.request(Method::GET, "/notifications").header("If-None-Match", &tag));
    again().await.expect(304);
    mark(client, first.body["items"][0]["id"].as_str().unwrap(), "read").await;
    again().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_practices_notifications_are_nobodys_and_bad_input_is_refused() {
    let (agenda, elsewhere) = (Agenda::new().await, Agenda::new().await);
    accepted(&agenda, &agenda.patient, "09:00").await;
    let id = ids(&list(agenda.secretary(), "").await).remove(0);
    let stranger = elsewhere.secretary();
    assert_eq!(list(stranger, "").await["total"], 0);
    for how in ["read", "read-up-to"] {
        assert_eq!(mark(stranger, &id, how).await, 404);
        assert_eq!(mark(agenda.secretary(), "0198a000-0000-7000-8000-000000000001", how).await, 404);
        assert_eq!(mark(agenda.secretary(), "7", how).await, 400);
    }
    for query in ["unread=yes", "limit=0", "page=0", "cursor=AAAA", "other=1"] {
        agenda.secretary().get(&format!("/notifications?{query}")).await.expect_problem(400, "invalid_parameter");
    }
    agenda.practice.client(Role::Dpo).get("/notifications").await.expect_problem(403, "permission_denied");
    assert_eq!(list(agenda.secretary(), "").await["unread"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_is_told_of_appointments_that_a_leave_lies_over() {
    let agenda = Agenda::new().await;
    agenda.book(&agenda.visit("09:00", "09:30")).await;
    agenda.book(&agenda.visit("10:00", "10:30")).await;
    let client = agenda.secretary();
    let day = in_a_week();
    let leave =
        json!({"from": format!("{day}T00:00"), "until": format!("{day}T23:00"), "kind": "holiday", "confirm": true});
    client.post(&format!("/availability/{}/leave", agenda.doctor), &leave).await.expect(201);
    let told = list(client, "").await["items"][0].clone();
    assert_eq!((&told["kind"], &told["resourceId"]), (&json!("leave_touches_appointments"), &json!(agenda.doctor)));
    let sentence = told["text"].as_str().unwrap();
    assert!(
        sentence.starts_with("L’absence de ") && sentence.ends_with(" touche 2 rendez-vous, à reporter."),
        "{sentence}"
    );
}
