//! The hours of each week, and hours besides them.

use std::collections::BTreeSet;

use domain::role::Role;
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::send;
use system_tests::staff::Member;
use uuid::Uuid;

use super::{Desk, day_of, monday, post_once, put_if, short_day, today, week_of, with_header};

#[tokio::test(flavor = "multi_thread")]
async fn a_practitioner_for_whom_nothing_is_planned_has_an_empty_calendar_of_version_0() {
    let desk = Desk::new().await;
    let nothing = desk.secretary().get(&desk.path()).await.expect(200);
    assert_eq!(nothing.header("etag"), Some("\"0\""));
    assert_eq!((&nothing.body["hours"], &nothing.body["timeZone"]), (&json!([]), &json!("Europe/Paris")));
    let body = json!({"hours": week_of(&[("08:00", "12:00")])});
    put_if(desk.secretary(), &desk.path(), "\"1\"", &body).await.expect_problem(404, "resource_not_found");
    let first = put_if(desk.secretary(), &desk.path(), "\"0\"", &body).await.expect(200);
    assert_eq!(first.header("etag"), Some("\"1\""));
    put_if(desk.secretary(), &desk.path(), "\"0\"", &body).await.expect_problem(412, "stale_version");
    assert_eq!(desk.secretary().get(&desk.path()).await.expect(200).body, first.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_hold_from_a_day_on_and_are_shown_week_by_week_and_day_by_day() {
    let desk = Desk::open().await;
    let later = monday() + 7.days();
    let rules =
        json!({"bufferBeforeMinutes": 5, "bufferAfterMinutes": 10, "noticeMinutes": 60, "overlapAllowed": true});
    let body = json!({"hours": [day_of(3, &[("20:00", "24:00")])], "validFrom": later.to_string(), "rules": rules});
    let changed = desk.secretary().put(&desk.path(), &body).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"3\""));
    assert_eq!(changed.body["rules"], rules);
    let from: Vec<_> =
        changed.body["hours"].as_array().unwrap().iter().map(|hours| hours["validFrom"].clone()).collect();
    assert_eq!(from, [json!(today().to_string()), json!(later.to_string())]);

    let week = desk.secretary().get(&format!("{}?week={}", desk.path(), monday() + 2.days())).await.expect(200).body;
    let open: Vec<_> =
        week["days"].as_array().unwrap().iter().map(|day| day["timeSlots"].as_array().unwrap().len()).collect();
    assert_eq!((week["days"][0]["date"].as_str(), open), (Some(&*monday().to_string()), vec![2, 2, 2, 2, 2, 2, 0]));
    let day = desk.secretary().get(&format!("{}?day={}", desk.path(), later + 2.days())).await.expect(200).body;
    let shown = &day["days"][0]["timeSlots"][0];
    assert_eq!(
        (day["days"].as_array().unwrap().len(), shown["start"].as_str(), shown["end"].as_str()),
        (1, Some("20:00"), Some("24:00"))
    );
    assert!(shown["until"].as_str().unwrap().starts_with(&format!("{}T00:00:00+", later + 3.days())), "{shown}");

    let known = with_header(desk.secretary(), Method::GET, &desk.path(), "If-None-Match", "\"3\"");
    send(known).await.expect(304);
    // The same again changes nothing.
    let again = desk.secretary().put(&desk.path(), &body).await.expect(200);
    assert_eq!((again.header("etag"), again.header("event-position")), (Some("\"3\""), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_hours_is_named() {
    let desk = Desk::new().await;
    let refused = async |body: &Value| {
        let answer = desk.secretary().put(&desk.path(), body).await;
        let fields: Vec<String> = answer.violated_fields().into_iter().map(str::to_owned).collect();
        (answer.status, fields)
    };
    let yesterday = (today() - 1.day()).to_string();
    let slots = |start: &str, end: &str| json!([day_of(1, &[(start, end)])]);
    for (body, status, field) in [
        (json!({"hours": slots("12:00", "08:00")}), 422, "hours[0].timeSlots[0]"),
        (json!({"hours": slots("8:00", "12:00")}), 422, "hours[0].timeSlots[0].start"),
        (json!({"hours": slots("08:00", "24:01")}), 422, "hours[0].timeSlots[0].end"),
        (json!({"hours": [day_of(7, &[])]}), 422, "hours[0].dayOfWeek"),
        (json!({"hours": [day_of(1, &[]), day_of(1, &[])]}), 422, "hours[1].dayOfWeek"),
        (json!({"hours": [], "validFrom": yesterday}), 422, "validFrom"),
        (json!({"hours": [], "validFrom": "2026-02-30"}), 422, "validFrom"),
        (json!({"hours": [day_of(1, &[])], "weeks": 2}), 400, "weeks"),
        (json!({"hours": [{"dayOfWeek": 1}]}), 400, "hours[0].timeSlots"),
    ] {
        assert_eq!(refused(&body).await, (status, vec![field.to_owned()]), "{body}");
    }
    let rules =
        json!({"bufferBeforeMinutes": 121, "bufferAfterMinutes": 0, "noticeMinutes": 0, "overlapAllowed": false});
    let answer = refused(&json!({"hours": [], "rules": rules})).await;
    assert_eq!(answer, (422, vec!["rules.bufferBeforeMinutes".to_owned()]));
    for query in ["week=2026-W30", "day=tomorrow", "week=2026-07-01&day=2026-07-01", "weeks=2026-07-01"] {
        desk.secretary().get(&format!("{}?{query}", desk.path())).await.expect_problem(400, "invalid_parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_hours_are_opened_once_and_closed_again() {
    let desk = Desk::open().await;
    let sunday = monday() + 6.days();
    let body = json!({"date": sunday.to_string(), "timeSlots": [{"start": "09:00", "end": "11:00"}]});
    let opened = post_once(desk.secretary(), &desk.extra_hours(), "sunday", &body).await.expect(201);
    let again = post_once(desk.secretary(), &desk.extra_hours(), "sunday", &body).await.expect(201);
    assert_eq!(opened.body, again.body);
    let other = json!({"date": sunday.to_string(), "timeSlots": [{"start": "09:00", "end": "12:00"}]});
    post_once(desk.secretary(), &desk.extra_hours(), "sunday", &other)
        .await
        .expect_problem(422, "idempotency_key_reused");
    let of_sunday = async || {
        let day = desk.secretary().get(&format!("{}?day={sunday}", desk.path())).await.expect(200).body;
        day["days"][0]["timeSlots"].as_array().unwrap().len()
    };
    assert_eq!(of_sunday().await, 1);
    let path = format!("{}/{}", desk.extra_hours(), opened.body["id"].as_str().unwrap());
    desk.secretary().delete(&path).await.expect(200);
    assert_eq!(of_sunday().await, 0);
    desk.secretary().delete(&path).await.expect_problem(404, "resource_not_found");
    for (body, field) in [
        (json!({"date": (today() - 1.day()).to_string(), "timeSlots": [{"start": "09:00", "end": "11:00"}]}), "date"),
        (json!({"date": sunday.to_string(), "timeSlots": []}), "timeSlots"),
        (json!({"date": sunday.to_string(), "timeSlots": [{"start": "x", "end": "11:00"}]}), "timeSlots[0].start"),
        (
            json!({"date": short_day().to_string(), "timeSlots": [{"start": "02:30", "end": "05:00"}]}),
            "timeSlots[0].start",
        ),
    ] {
        let answer = desk.secretary().post(&desk.extra_hours(), &body).await.expect_problem(422, "validation_failed");
        assert_eq!(answer.violated_fields(), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_on_which_clocks_are_put_forward_is_an_hour_shorter() {
    let desk = Desk::new().await;
    desk.secretary().put(&desk.path(), &json!({"hours": [day_of(0, &[("00:00", "24:00")])]})).await.expect(200);
    let day = desk.secretary().get(&format!("{}?day={}", desk.path(), short_day())).await.expect(200).body;
    let open = &day["days"][0]["timeSlots"][0];
    assert_eq!((open["start"].as_str(), open["end"].as_str()), (Some("00:00"), Some("24:00")));
    let instant = |name: &str| open[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(instant("from").duration_until(instant("until")).as_hours(), 23);
    assert!(
        open["from"].as_str().unwrap().ends_with("+01:00") && open["until"].as_str().unwrap().ends_with("+02:00"),
        "{open}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_hours_who_treats_no_patients_here() {
    let (desk, elsewhere) = (Desk::open().await, Desk::open().await);
    let secretary = Member::hire(desk.practice.client(Role::Admin), Role::Secretary, "Morel").await;
    let body = json!({"hours": week_of(&[("08:00", "12:00")])});
    for id in [secretary.id(), elsewhere.doctor.id(), &Uuid::now_v7().to_string()] {
        let path = format!("/availability/{id}");
        desk.secretary().get(&path).await.expect_problem(404, "resource_not_found");
        desk.secretary().put(&path, &body).await.expect_problem(404, "resource_not_found");
    }
    assert_eq!(elsewhere.secretary().get(&elsewhere.path()).await.expect(200).header("etag"), Some("\"1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_change_calendars_may_look_at_them_at_most() {
    let desk = Desk::open().await;
    let body = json!({"hours": []});
    for role in Role::ALL {
        let client = desk.practice.client(role);
        let may_read = !matches!(role, Role::Dpo);
        let may_write = matches!(role, Role::Doctor | Role::Secretary | Role::Admin);
        assert_eq!(client.get(&desk.path()).await.status, if may_read { 200 } else { 403 }, "{}", role.name());
        let changed = put_if(client, &desk.path(), "\"99\"", &body).await;
        assert_eq!(changed.status, if may_write { 412 } else { 403 }, "{}", role.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_set_hours_at_once_on_the_same_version_one_is_told_to_look_again() {
    let desk = Desk::open().await;
    for round in 1..=5 {
        let version = format!("\"{round}\"");
        let (first, second) = (
            json!({"hours": [day_of(1, &[("08:00", "09:00")])]}),
            json!({"hours": [day_of(2, &[("08:00", "09:00")])]}),
        );
        let (first, second) = (
            if round % 2 == 0 { &first } else { &second },
            json!({"hours": [day_of(3, &[("08:00", &format!("1{round}:00"))])]}),
        );
        let path = desk.path();
        let (one, other) = tokio::join!(
            put_if(desk.secretary(), &path, &version, first),
            put_if(desk.practice.client(Role::Doctor), &path, &version, &second),
        );
        assert_eq!(
            BTreeSet::from([one.status, other.status]),
            BTreeSet::from([200, 412]),
            "{} {}",
            one.text,
            other.text
        );
    }
}
