//! Leave, and the appointments that it lies over.

use domain::appointment::AppointmentCommand;
use domain::role::Role;
use jiff::ToSpan;
use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::send;
use uuid::Uuid;

use super::{Desk, monday, post_once, short_day, today};

/// All of a day.
fn day_off(day: Date) -> Value {
    json!({"from": format!("{day}T00:00"), "until": format!("{}T00:00", day + 1.day()), "kind": "holiday"})
}

fn confirmed(mut leave: Value) -> Value {
    leave["confirm"] = json!(true);
    leave
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_over_appointments_asks_for_confirmation_and_names_them() {
    let desk = Desk::open().await;
    let day = monday() + 1.day();
    let (second, first) = (desk.book("Zoé", day, 10, 0).await, desk.book("Ana", day, 8, 0).await);
    let (_before, cancelled) = (desk.book("Awa", day - 1.day(), 17, 30).await, desk.book("Éva", day, 15, 0).await);
    let cancel = AppointmentCommand::CancelAppointment { reason: None };
    desk.commands.change_appointment(cancelled, &cancel, &desk.context()).await.unwrap();

    let refused = desk.secretary().post(&desk.leave(), &day_off(day)).await;
    let refused = refused.expect_problem(409, "leave_touches_appointments");
    let named: Vec<_> =
        refused.body["conflicts"].as_array().unwrap().iter().map(|conflict| conflict["resourceId"].clone()).collect();
    assert_eq!(named, [json!(first.0), json!(second.0)]);
    let period = &refused.body["conflicts"][0]["period"];
    assert!(period["start"].as_str().unwrap().starts_with(&format!("{day}T08:00:00+")), "{period}");
    assert!(!refused.text.contains("Goff"), "{}", refused.text);

    let planned = desk.secretary().post(&desk.leave(), &confirmed(day_off(day))).await.expect(201);
    assert_eq!(
        (planned.body["touched"].as_u64(), planned.body["appointments"].as_array().unwrap().len()),
        (Some(2), 2)
    );
    assert_eq!(planned.body["availability"]["leave"][0]["id"], planned.body["id"]);
    let shown = desk.secretary().get(&format!("{}?day={day}", desk.path())).await.expect(200).body;
    assert_eq!(
        (&shown["days"][0]["timeSlots"], &shown["leave"][0]["from"]),
        (&json!([]), &json!(format!("{day}T00:00")))
    );

    let path = format!("{}/{}", desk.leave(), planned.body["id"].as_str().unwrap());
    desk.secretary().delete(&path).await.expect(200);
    let shown = desk.secretary().get(&format!("{}?day={day}", desk.path())).await.expect(200).body;
    assert_eq!(shown["days"][0]["timeSlots"].as_array().unwrap().len(), 2);
    desk.secretary().delete(&path).await.expect_problem(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_of_less_than_a_day_touches_what_lies_in_it_and_nothing_beside_it() {
    let desk = Desk::open().await;
    desk.book("Zoé", monday(), 9, 30).await;
    let leave = |from: &str, until: &str| json!({"from": format!("{}T{from}", monday()), "until": format!("{}T{until}", monday()), "kind": "training"});
    desk.secretary().post(&desk.leave(), &leave("08:00", "09:30")).await.expect(201);
    desk.secretary().post(&desk.leave(), &leave("10:00", "12:00")).await.expect(201);
    desk.secretary()
        .post(&desk.leave(), &leave("09:59", "10:00"))
        .await
        .expect_problem(409, "leave_touches_appointments");
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_is_planned_once_under_one_key() {
    let desk = Desk::open().await;
    desk.book("Zoé", monday(), 9, 30).await;
    let path = desk.leave();
    post_once(desk.secretary(), &path, "holidays", &day_off(monday()))
        .await
        .expect_problem(409, "leave_touches_appointments");
    // Nothing was planned, so the key is still good, for the same intent with a word more.
    let body = confirmed(day_off(monday()));
    let first = post_once(desk.secretary(), &path, "holidays", &body).await.expect(201);
    let again = post_once(desk.secretary(), &path, "holidays", &body).await.expect(201);
    assert_eq!((&first.body, first.header("etag")), (&again.body, again.header("etag")));
    post_once(desk.secretary(), &path, "holidays", &day_off(monday()))
        .await
        .expect_problem(422, "idempotency_key_reused");
    let next = day_off(monday() + 1.day());
    let (one, other) = tokio::join!(
        post_once(desk.secretary(), &path, "two-at-once", &next),
        post_once(desk.secretary(), &path, "two-at-once", &next),
    );
    assert_eq!(one.expect(201).body["id"], other.expect(201).body["id"]);
    let planned = desk.secretary().get(&desk.path()).await.expect(200).body;
    assert_eq!(planned["leave"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_leave_is_named() {
    let desk = Desk::open().await;
    let gap = short_day();
    for (from, until, field) in [
        (format!("{}T10:00", monday()), format!("{}T10:00", monday()), "until"),
        (format!("{gap}T02:30"), format!("{gap}T10:00"), "from"),
        (format!("{}T10:00", gap - 1.day()), format!("{gap}T02:00"), "until"),
        (format!("{}", monday()), format!("{}T10:00", monday()), "from"),
        (format!("{}T10:00", today() + 10.years()), format!("{}T11:00", today() + 10.years()), "from"),
    ] {
        let body = json!({"from": from, "until": until, "kind": "other"});
        let answer = desk.secretary().post(&desk.leave(), &body).await.expect_problem(422, "validation_failed");
        assert!(answer.violated_fields().contains(&field), "{body}: {}", answer.text);
    }
    let ill = json!({"from": format!("{}T10:00", monday()), "until": format!("{}T11:00", monday()), "kind": "sick"});
    assert_eq!(desk.secretary().post(&desk.leave(), &ill).await.expect(422).violated_fields(), ["kind"]);
}

/// Whoever plans leave need not be allowed to look at appointments.
#[tokio::test(flavor = "multi_thread")]
async fn the_appointments_in_a_leave_are_named_to_those_who_may_look_at_them() {
    let desk = Desk::open().await;
    desk.book("Zoé", monday(), 9, 30).await;
    let admin = desk.practice.client(Role::Admin);
    let facility = admin.get("/facilities/current").await.expect(200).body;
    let mut permissions = facility["permissions"]["secretary"].clone();
    permissions["appointments"] = json!({"read": false, "write": false});
    let change = admin.request(Method::PUT, "/facilities/current/permissions/secretary").header("If-Match", "*");
    send(change.json(&json!({"permissions": permissions}))).await.expect(200);
    system_tests::staff::within_a_second(desk.secretary(), "/auth/me", |me| me.body["permissions"] == permissions)
        .await;
    let refused = desk.secretary().post(&desk.leave(), &day_off(monday())).await;
    let refused = refused.expect_problem(409, "leave_touches_appointments");
    assert_eq!(
        (refused.body.get("conflicts"), refused.body["detail"].as_str()),
        (None, Some("1 appointment lies in the leave."))
    );
    let planned = desk.secretary().post(&desk.leave(), &confirmed(day_off(monday()))).await.expect(201).body;
    assert_eq!((&planned["touched"], &planned["appointments"]), (&json!(1), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_of_another_practice_is_out_of_reach() {
    let (desk, elsewhere) = (Desk::open().await, Desk::open().await);
    let theirs = elsewhere.secretary().post(&elsewhere.leave(), &day_off(monday())).await.expect(201).body;
    let id = theirs["id"].as_str().unwrap();
    for path in [
        format!("{}/{id}", elsewhere.leave()),
        format!("{}/{id}", desk.leave()),
        format!("{}/{}", desk.leave(), Uuid::now_v7()),
    ] {
        desk.secretary().delete(&path).await.expect_problem(404, "resource_not_found");
    }
    desk.secretary().post(&elsewhere.leave(), &day_off(monday())).await.expect_problem(404, "resource_not_found");
    assert_eq!(
        elsewhere.secretary().get(&elsewhere.path()).await.expect(200).body["leave"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn appointments_in_a_leave_are_flagged_until_they_are_moved_or_the_leave_is_cancelled() {
    let desk = Desk::open().await;
    let day = monday();
    let (stays, moved) = (desk.book("Zoé", day, 10, 0).await, desk.book("Ana", day, 8, 0).await);
    desk.book("Awa", day + 1.day(), 8, 0).await;
    let list = async |query: &str| desk.secretary().get(&format!("/appointments?{query}")).await.expect(200);
    let flagged = async || {
        let found = list("needsRescheduling=true&limit=1").await.body;
        let first = found["items"][0]["id"].clone();
        (found["total"].as_u64().unwrap(), first)
    };
    let before = list("").await;
    assert_eq!((flagged().await.0, before.body["total"].as_u64()), (0, Some(3)));
    let planned = desk.secretary().post(&desk.leave(), &confirmed(day_off(day))).await.expect(201).body;
    assert_eq!(flagged().await, (2, json!(moved.0)));
    let after = list("").await;
    assert_ne!(before.header("etag"), after.header("etag"));
    let flags: Vec<_> =
        after.body["items"].as_array().unwrap().iter().map(|item| item["reschedule"]["leaveId"].clone()).collect();
    assert_eq!(flags, [planned["id"].clone(), planned["id"].clone(), Value::Null]);
    assert_eq!(list("needsRescheduling=false").await.body["total"], 3);
    assert_eq!(list("needsRescheduling=true&status=cancelled").await.body["total"], 0);

    let path = format!("/appointments/{}", moved.0);
    let current = desk.secretary().get(&path).await.expect(200);
    let body = json!({
        "practitionerId": desk.doctor.id(),
        "date": (day + 2.days()).to_string(),
        "startTime": "08:00",
        "duration": 30,
        "type": "consultation",
    });
    let put = desk.secretary().request(Method::PUT, &path).header("If-Match", current.header("etag").unwrap());
    send(put.json(&body)).await.expect(200);
    assert_eq!(flagged().await, (1, json!(stays.0)));
    let leave = format!("{}/{}", desk.leave(), planned["id"].as_str().unwrap());
    desk.secretary().delete(&leave).await.expect(200);
    assert_eq!(flagged().await.0, 0);
    let elsewhere = Desk::open().await;
    let theirs = elsewhere.secretary().get("/appointments?needsRescheduling=true").await.expect(200).body;
    assert_eq!(theirs["total"], 0);
    desk.secretary().get("/appointments?needsRescheduling=yes").await.expect_problem(400, "invalid_parameter");
}
