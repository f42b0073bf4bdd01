use serde_json::{Value, json};
use system_tests::agenda::Agenda;

/// The rules that a booking breaks with these fields changed, as `field: rule`.
async fn broken(agenda: &Agenda, changes: &[(&str, Value)]) -> Vec<String> {
    let mut visit = agenda.visit("09:00", "09:30");
    for (field, value) in changes {
        visit[*field] = value.clone();
    }
    visit.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let refused = agenda.secretary().post("/appointments", &visit).await;
    let refused = refused.expect_problem(422, "validation_failed");
    let text = |violation: &Value, member: &str| violation[member].as_str().unwrap().to_owned();
    let violations = refused.body["violations"].as_array().unwrap();
    violations.iter().map(|violation| format!("{}: {}", text(violation, "field"), text(violation, "rule"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_that_is_not_right_is_named_with_its_rule() {
    let agenda = Agenda::new().await;
    let slot = |start: &str, end: &str| json!([{"start": start, "end": end}]);
    for (changes, expected) in [
        (vec![("date", json!("2026-02-30"))], "date: date_exists"),
        (vec![("startTime", json!("9h")), ("type", json!("visite"))], "startTime: length, type: appointment_type_code"),
        (vec![("endTime", Value::Null)], "endTime: required"),
        (vec![("endTime", json!("09:00"))], "endTime: ends_before_start"),
        (vec![("endTime", json!("08:00"))], "endTime: ends_before_start"),
        (vec![("duration", json!(31))], "duration: contradiction"),
        (vec![("endTime", json!("09:04"))], "duration: duration"),
        (vec![("endTime", Value::Null), ("duration", json!(721))], "duration: duration"),
        (vec![("endTime", Value::Null), ("duration", json!(4_294_967_295_u32))], "duration: out_of_range"),
        (vec![("repeatedHour", json!("third"))], "repeatedHour: repeated_hour"),
        (vec![("additionalSlots", slot("10:00", "10:00"))], "additionalSlots[0].end: ends_before_start"),
        (vec![("additionalSlots", slot("08:00", "08:30"))], "additionalSlots[0].start: before_start"),
        (vec![("additionalSlots", slot("10h00", "10:30"))], "additionalSlots[0].start: time_of_day"),
        (vec![("priority", json!("soon")), ("title", json!(" "))], "priority: appointment_priority_code, title: blank"),
    ] {
        assert_eq!(broken(&agenda, &changes).await.join(", "), expected, "{changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_of_the_declared_shape_is_refused_before_anything_else() {
    let agenda = Agenda::new().await;
    for (field, value) in [
        ("patientId", json!("x")),
        ("patientId", Value::Null),
        ("duration", json!(-5)),
        ("duration", json!("30")),
        ("additionalSlots", json!([{"start": "10:00"}])),
        ("status", json!("scheduled")),
    ] {
        let mut visit = agenda.visit("09:00", "09:30");
        visit[field] = value;
        agenda.secretary().post("/appointments", &visit).await.expect_problem(400, "malformed_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_clock_skips_is_refused_and_one_that_it_shows_twice_is_two_times() {
    let agenda = Agenda::new().await;
    let at_night = |date: &str, start: &str, minutes: u32| {
        let mut visit = agenda.visit(start, "03:30");
        visit["date"] = json!(date);
        visit["duration"] = json!(minutes);
        visit["type"] = json!("emergency");
        visit.as_object_mut().unwrap().remove("endTime");
        visit
    };
    let skipped = agenda.secretary().post("/appointments", &at_night("2027-03-28", "02:30", 30)).await;
    let skipped = skipped.expect_problem(422, "validation_failed");
    assert_eq!(skipped.violated_fields(), ["startTime"]);
    assert!(skipped.body["violations"][0]["detail"].as_str().unwrap().contains("03:00"), "{}", skipped.text);
    // An hour over the jump ends at half past three.
    let over = agenda.book(&at_night("2027-03-28", "01:30", 60)).await;
    assert_eq!((&over["endTime"], &over["end"]), (&json!("03:30"), &json!("2027-03-28T03:30:00+02:00")));

    let first = agenda.book(&at_night("2027-10-31", "02:30", 30)).await;
    assert_eq!((&first["repeatedHour"], &first["start"]), (&json!("first"), &json!("2027-10-31T02:30:00+02:00")));
    let mut second = at_night("2027-10-31", "02:30", 30);
    second["repeatedHour"] = json!("second");
    let second = agenda.book(&second).await;
    assert_eq!((&second["repeatedHour"], &second["start"]), (&json!("second"), &json!("2027-10-31T02:30:00+01:00")));
    // Over midnight, on 29 February.
    let leap = agenda.book(&at_night("2028-02-28", "23:45", 30)).await;
    assert_eq!((&leap["date"], &leap["end"]), (&json!("2028-02-28"), &json!("2028-02-29T00:15:00+01:00")));
    let mut until_midnight = at_night("2028-02-29", "23:30", 30);
    until_midnight["endTime"] = json!("24:00");
    assert_eq!(agenda.book(&until_midnight).await["endTime"], "24:00");
}
