use domain::role::Role;
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, today};
use system_tests::server::{Client, send};

/// When the appointments of a list begin.
async fn starts(client: &Client, query: &str) -> Vec<String> {
    let body = client.get(query).await.expect(200).body;
    let items = body["items"].as_array().unwrap();
    assert_eq!(body["total"], items.len());
    items
        .iter()
        .map(|item| format!("{} {}", item["date"].as_str().unwrap(), item["startTime"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_what_its_filters_say_by_when_it_begins() {
    let agenda = Agenda::new().await;
    let other_doctor = agenda.another_doctor("Petit").await;
    let other_patient = agenda.another_patient(0).await;
    let day = in_a_week();
    let monday = day - i64::from(day.weekday().to_monday_zero_offset()).days();
    let mut visits = Vec::new();
    for (date, start, end) in [(day, "10:00", "10:30"), (day, "09:00", "09:30"), (monday - 1.day(), "09:00", "09:30")] {
        let mut visit = agenda.visit(start, end);
        visit["date"] = json!(date);
        visits.push(visit);
    }
    visits[0]["practitionerId"] = json!(other_doctor);
    visits[0]["type"] = json!("exam");
    visits[0]["title"] = json!("Échographie");
    visits[1]["patientId"] = json!(other_patient);
    let mut booked = Vec::new();
    for visit in &visits {
        booked.push(agenda.book(visit).await);
    }
    agenda.step(&booked[1], "confirm").await.expect(200);
    let client = agenda.secretary();
    let at = |date: jiff::civil::Date, time: &str| format!("{date} {time}");
    let (nine, ten, sunday) = (at(day, "09:00"), at(day, "10:00"), at(monday - 1.day(), "09:00"));
    for (query, expected) in [
        (String::new(), vec![&sunday, &nine, &ten]),
        (format!("date={day}"), vec![&nine, &ten]),
        (format!("week={day}"), vec![&nine, &ten]),
        (format!("week={}", monday - 1.day()), vec![&sunday]),
        (format!("from={day}"), vec![&nine, &ten]),
        (format!("until={}", monday - 1.day()), vec![&sunday]),
        (format!("from={}&until={day}", monday - 1.day()), vec![&sunday, &nine, &ten]),
        (format!("practitionerId={other_doctor}"), vec![&ten]),
        (format!("practitionerId={other_doctor},{}", agenda.doctor), vec![&sunday, &nine, &ten]),
        (format!("patientId={other_patient}"), vec![&nine]),
        ("status=confirmed".to_owned(), vec![&nine]),
        ("status=confirmed,cancelled,scheduled".to_owned(), vec![&sunday, &nine, &ten]),
        ("type=exam,surgery".to_owned(), vec![&ten]),
        ("search=echo".to_owned(), vec![&ten]),
        (format!("search=toux&date={day}&type=consultation"), vec![&nine]),
    ] {
        assert_eq!(
            starts(client, &format!("/appointments?{query}")).await.iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
    let of_patient = format!("/patients/{}/appointments", agenda.patient);
    assert_eq!(starts(client, &of_patient).await, [&sunday[..], &ten]);
    assert_eq!(starts(client, &format!("{of_patient}?from={day}&type=exam")).await, [&ten[..]]);
    for wrong in ["date=2026-02-30", "status=done", "status=", "week=x", "date=2026-11-23&from=2026-11-23", "limit=0"] {
        let refused = client.get(&format!("/appointments?{wrong}")).await;
        refused.expect_problem(400, "invalid_parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_shown_to_those_who_may_read_patients_and_each_is_traced() {
    let agenda = Agenda::new().await;
    agenda.book(&agenda.visit("09:00", "09:30")).await;
    let line = |client: Client| async move { client.get("/appointments").await.expect(200).body["items"][0].clone() };
    let shown = line(agenda.secretary().clone()).await;
    assert_eq!((&shown["patientName"], &shown["title"]), (&json!("Zoé Le Goff"), &json!("Suivi")));
    assert!(shown["practitionerName"].as_str().unwrap().ends_with("Kerjean"), "{shown}");
    assert_eq!((&shown["reason"], &shown["notes"]), (&Value::Null, &Value::Null), "a list has summaries");
    let admin = agenda.practice.client(Role::Admin);
    let mut permissions = admin.get("/facilities/current").await.expect(200).body["permissions"]["nurse"].clone();
    permissions["patients"] = json!({"read": false, "write": false});
    let narrowed = json!({"permissions": permissions});
    let path = "/facilities/current/permissions/nurse";
    send(admin.request(Method::PUT, path).header("If-Match", "*").json(&narrowed)).await.expect(200);
    let nurse = agenda.practice.client(Role::Nurse).clone();
    let began = std::time::Instant::now();
    loop {
        let hidden = line(nurse.clone()).await;
        if hidden["patientName"].is_null() {
            assert_eq!(hidden["patientId"], json!(agenda.patient));
            break;
        }
        assert!(began.elapsed().as_secs() < 5, "{hidden}");
    }
    let log = agenda.practice.client(Role::Auditor).get(&format!("/patients/{}/access-log", agenda.patient)).await;
    let log = log.expect(200).body;
    let searches = log["items"].as_array().unwrap().iter().filter(|entry| entry["deed"] == "search");
    assert!(searches.count() >= 2, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_by_cursor_and_by_number_and_is_not_sent_twice() {
    let agenda = Agenda::new().await;
    for hour in 9..14 {
        agenda.book(&agenda.visit(&format!("{hour:02}:00"), &format!("{hour:02}:30"))).await;
    }
    let client = agenda.secretary();
    let (mut seen, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next {
        let query = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let body = client.get(&format!("/appointments?limit=2{query}")).await.expect(200).body;
        seen.extend(
            body["items"].as_array().unwrap().iter().map(|item| item["startTime"].as_str().unwrap().to_owned()),
        );
        next = body["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["09:00", "10:00", "11:00", "12:00", "13:00"]);
    let page = client.get(&format!("/appointments?date={}&limit=2&page=2", in_a_week())).await.expect(200);
    assert_eq!((&page.body["total"], &page.body["items"][0]["startTime"]), (&json!(5), &json!("11:00")));
    let link = page.header("link").unwrap();
    assert!(link.contains("rel=\"prev\"") && link.contains("page=3") && link.contains("date="), "{link}");

    let list = client.get("/appointments").await.expect(200);
    let tag = list.header("etag").unwrap().to_owned();
    let known = || send(client.request(Method::GET, "/appointments").header("If-None-Match", &tag));
    assert_eq!(known().await.expect(304).text, "");
    let last = &list.body["items"][4];
    agenda.step(last, "confirm").await.expect(200);
    assert_ne!(known().await.expect(200).header("etag"), Some(tag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn today_is_the_day_that_it_is_in_the_practice() {
    let agenda = Agenda::new().await;
    let mut visit = agenda.visit("09:00", "09:30");
    visit["date"] = json!(today());
    visit["justification"] = json!("Saisie le jour même");
    let now = agenda.book(&visit).await;
    agenda.book(&agenda.visit("09:00", "09:30")).await;
    let list = agenda.secretary().get("/appointments/today").await.expect(200).body;
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &now["id"]));
    let cancel = format!("{}/cancel", path(&now));
    agenda.secretary().post(&cancel, &json!({})).await.expect(200);
    assert_eq!(starts(agenda.secretary(), "/appointments/today?status=scheduled").await, Vec::<String>::new());
}
