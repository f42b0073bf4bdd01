//! Free slots.

use domain::role::Role;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use system_tests::server::Client;
use system_tests::staff::{Member, RPPS, email};
use uuid::Uuid;

use super::{Desk, brest, day_of, monday, put_if, short_day, week_of};

async fn found(client: &Client, query: &str) -> Value {
    client.get(&format!("/appointments/slots?{query}")).await.expect(200).body
}

/// When the slots begin, on the clock of the practice.
fn begin(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|slot| slot["startTime"].as_str().unwrap()).collect()
}

/// Whose the slots are.
fn whose(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|slot| slot["practitionerId"].as_str().unwrap()).collect()
}

/// What this client sends to book a slot that was offered.
fn booking(slot: &Value, patient: &Value) -> Value {
    json!({
        "patientId": patient["id"],
        "practitionerId": slot["practitionerId"],
        "date": slot["date"],
        "startTime": slot["startTime"],
        "endTime": slot["endTime"],
        "type": "consultation",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_lie_in_the_hours_between_bookings_and_outside_leave() {
    let desk = Desk::open().await;
    let (doctor, day) = (desk.doctor.id(), monday());
    desk.book("Zoé", day, 9, 15).await;
    let afternoon = json!({"from": format!("{day}T14:00"), "until": format!("{day}T17:00"), "kind": "training"});
    desk.secretary().post(&desk.leave(), &afternoon).await.expect(201);
    let of_day = found(desk.secretary(), &format!("practitionerId={doctor}&date={day}")).await;
    assert_eq!(begin(&of_day), ["08:00", "08:30", "10:00", "10:30", "11:00", "11:30", "17:00", "17:30"]);
    assert_eq!(
        (&of_day["more"], &of_day["duration"], &of_day["timeZone"]),
        (&json!(false), &json!(30), &json!("Europe/Paris"))
    );
    let first = &of_day["items"][0];
    assert_eq!((&first["date"], &first["endTime"]), (&json!(day.to_string()), &json!("08:30")));
    let start: Timestamp = first["start"].as_str().unwrap().parse().unwrap();
    assert_eq!(start, brest().to_timestamp(day.at(8, 0, 0, 0)).unwrap());
    let longer =
        found(desk.secretary(), &format!("practitionerId={doctor}&date={day}&duration=60&step=15&limit=3")).await;
    assert_eq!((begin(&longer), &longer["more"]), (vec!["08:00", "08:15", "09:45"], &json!(true)));

    // With ten minutes between two visits.
    let rules =
        json!({"bufferBeforeMinutes": 10, "bufferAfterMinutes": 0, "noticeMinutes": 0, "overlapAllowed": false});
    let body = json!({"hours": week_of(&[("08:00", "12:00")]), "rules": rules});
    desk.secretary().put(&desk.path(), &body).await.expect(200);
    let of_day = found(desk.secretary(), &format!("practitionerId={doctor}&date={day}")).await;
    assert_eq!(begin(&of_day), ["08:00", "08:30", "10:00", "10:30", "11:00", "11:30"]);
    let of_day = found(desk.secretary(), &format!("practitionerId={doctor}&date={day}&duration=15&limit=5")).await;
    assert_eq!(begin(&of_day), ["08:00", "08:15", "08:30", "08:45", "10:00"]);
    // Nothing is offered within the notice.
    let rules =
        json!({"bufferBeforeMinutes": 0, "bufferAfterMinutes": 0, "noticeMinutes": 40320, "overlapAllowed": false});
    desk.secretary()
        .put(&desk.path(), &json!({"hours": week_of(&[("08:00", "12:00")]), "rules": rules}))
        .await
        .expect(200);
    let of_month = found(desk.secretary(), &format!("practitionerId={doctor}&until={}", monday() + 40.days())).await;
    let first: Timestamp = of_month["items"][0]["start"].as_str().unwrap().parse().unwrap();
    assert!(first >= Timestamp::now() + SignedDuration::from_hours(28 * 24 - 1), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_offered_can_be_booked_and_is_offered_no_more() {
    let desk = Desk::open().await;
    let query = format!("practitionerId={}&from={}&limit=1", desk.doctor.id(), monday());
    for name in ["Zoé", "Ana", "Éva"] {
        let offered = found(desk.secretary(), &query).await;
        let slot = &offered["items"][0];
        let patient = desk.practice.register("Le Goff", name).await;
        let booked = desk.secretary().post("/appointments", &booking(slot, &patient)).await.expect(201).body;
        assert_eq!(booked["start"], slot["start"]);
        assert_ne!(found(desk.secretary(), &query).await["items"][0]["start"], slot["start"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_parts_of_one_visit_there_is_time_for_others() {
    let desk = Desk::open().await;
    let (doctor, day) = (desk.doctor.id(), monday());
    let patient = desk.practice.register("Le Goff", "Zoé").await;
    let visit = json!({
        "patientId": patient["id"],
        "practitionerId": doctor,
        "date": day.to_string(),
        "startTime": "08:30",
        "duration": 30,
        "additionalSlots": [{"start": "09:30", "end": "10:00"}, {"start": "11:00", "end": "12:00"}],
        "type": "exam",
    });
    desk.secretary().post("/appointments", &visit).await.expect(201);
    let query = format!("practitionerId={doctor}&date={day}&duration=30");
    let free =
        ["08:00", "09:00", "10:00", "10:30", "14:00", "14:30", "15:00", "15:30", "16:00", "16:30", "17:00", "17:30"];
    assert_eq!(begin(&found(desk.secretary(), &query).await), free);
    // The patient is as free as the doctor.
    let other = Member::hire(desk.practice.client(Role::Admin), Role::Doctor, "Abgrall").await;
    let hours = json!({"hours": week_of(&[("08:00", "11:00")])});
    desk.secretary().put(&format!("/availability/{}", other.id()), &hours).await.expect(200);
    let query = format!("practitionerId={}&date={day}&patientId={}", other.id(), patient["id"].as_str().unwrap());
    assert_eq!(begin(&found(desk.secretary(), &query).await), ["08:00", "09:00", "10:00", "10:30"]);
    // A leave between the parts meets none of them.
    let away = |from: &str, until: &str| json!({"from": format!("{day}T{from}"), "until": format!("{day}T{until}"), "kind": "training", "confirm": true});
    let flagged =
        async || desk.secretary().get("/appointments?needsRescheduling=true").await.expect(200).body["total"].clone();
    desk.secretary().post(&desk.leave(), &away("10:00", "11:00")).await.expect(201);
    assert_eq!(flagged().await, 0);
    desk.secretary().post(&desk.leave(), &away("11:30", "14:30")).await.expect(201);
    assert_eq!(flagged().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_found_of_several_of_a_specialty_and_of_any() {
    let desk = Desk::open().await;
    let admin = desk.practice.client(Role::Admin);
    let hire = async |last_name: &str, specialty: &str| {
        let member = Member::hire(admin, Role::Doctor, last_name).await;
        let details = json!({"lastName": last_name, "firstName": "Maë", "email": email(), "rppsNumber": RPPS, "specialties": [specialty]});
        put_if(admin, &member.path(), "*", &details).await.expect(200);
        let hours = json!({"hours": week_of(&[("08:00", "09:00")])});
        desk.secretary().put(&format!("/availability/{}", member.id()), &hours).await.expect(200);
        member
    };
    let (heart, skin) = (hire("Abgrall", "SM04").await, hire("Zimmer", "SM15").await);
    let of = async |query: &str| {
        let query = format!("{query}&date={}&limit=4", monday());
        let found = found(desk.secretary(), query.trim_start_matches('&')).await;
        whose(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (heart, skin, doctor) = (heart.id().to_owned(), skin, desk.doctor.id().to_owned());
    assert_eq!(of(&format!("practitionerId={},{heart}", skin.id())).await, [&*heart, skin.id(), &*heart, skin.id()]);
    assert_eq!(of("specialty=SM15").await, [skin.id(), skin.id()]);
    assert_eq!(of(&format!("specialty=SM15&practitionerId={heart}")).await, Vec::<String>::new());
    assert_eq!(of("").await, [&*heart, &*doctor, skin.id(), &*heart]);
    admin.post(&format!("{}/suspend", skin.path()), &json!({"reason": "Essai"})).await.expect(200);
    assert_eq!(of("specialty=SM15").await, Vec::<String>::new());
    assert_eq!(of("").await, [&*heart, &*doctor, &*heart, &*doctor]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_for_a_patient_is_free_for_the_patient_as_well() {
    let desk = Desk::open().await;
    let colleague = Member::hire(desk.practice.client(Role::Admin), Role::Nurse, "Petit").await;
    let hours = json!({"hours": week_of(&[("08:00", "10:00")])});
    desk.secretary().put(&format!("/availability/{}", colleague.id()), &hours).await.expect(200);
    let patient = desk.practice.register("Le Goff", "Zoé").await;
    let query = format!("practitionerId={}&date={}&limit=3", desk.doctor.id(), monday());
    let with_colleague = found(desk.secretary(), &format!("practitionerId={}&date={}", colleague.id(), monday())).await;
    desk.secretary().post("/appointments", &booking(&with_colleague["items"][1], &patient)).await.expect(201);
    assert_eq!(begin(&found(desk.secretary(), &query).await), ["08:00", "08:30", "09:00"]);
    let of_patient = format!("{query}&patientId={}", patient["id"].as_str().unwrap());
    assert_eq!(begin(&found(desk.secretary(), &of_patient).await), ["08:00", "09:00", "09:30"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_and_the_parameter_named() {
    let desk = Desk::open().await;
    let (day, many) = (monday(), vec![Uuid::now_v7().to_string(); 51].join(","));
    for (query, field) in [
        (format!("date={day}&from={day}"), "date"),
        (format!("from={day}&until={}", day - 1.day()), "until"),
        (format!("from={day}&until={}", day + 62.days()), "until"),
        ("date=2026-02-30".to_owned(), "date"),
        ("duration=4".to_owned(), "duration"),
        ("duration=721".to_owned(), "duration"),
        ("step=0".to_owned(), "step"),
        ("limit=0".to_owned(), "limit"),
        ("limit=20001".to_owned(), "limit"),
        ("specialty=XX".to_owned(), "specialty"),
        ("practitionerId=x".to_owned(), "practitionerId"),
        ("practitionerId=".to_owned(), "practitionerId"),
        (format!("practitionerId={many}"), "practitionerId"),
        ("patientId=x".to_owned(), "patientId"),
    ] {
        let answer = desk.secretary().get(&format!("/appointments/slots?{query}")).await;
        assert_eq!(answer.expect_problem(400, "invalid_parameter").violated_fields(), [field], "{query}");
    }
    found(desk.secretary(), &format!("from={day}&until={}", day + 61.days())).await;
    found(desk.secretary(), "date=0001-01-01").await;
    found(desk.secretary(), "date=9999-12-31").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_slots_of_another_practice() {
    let (desk, elsewhere) = (Desk::open().await, Desk::open().await);
    elsewhere.book("Zoé", monday(), 8, 0).await;
    let theirs = found(desk.secretary(), &format!("practitionerId={}", elsewhere.doctor.id())).await;
    assert_eq!(theirs["items"], json!([]));
    let ours = found(desk.secretary(), "limit=20000").await;
    assert!(whose(&ours).iter().all(|id| *id == desk.doctor.id()), "{ours}");
    desk.practice.client(Role::Dpo).get("/appointments/slots").await.expect_problem(403, "permission_denied");
}

/// The next day on which the clocks are put back: that night they show 02:30 twice.
fn long_day() -> Date {
    let zone: TimeZone = brest();
    let back = |at: Timestamp| zone.to_offset(at) < zone.to_offset(at - SignedDuration::from_mins(1));
    let jump = zone.following(Timestamp::now()).find(|change| back(change.timestamp())).unwrap();
    zone.to_datetime(jump.timestamp()).date()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_when_clocks_change_has_an_hour_less_or_an_hour_twice() {
    let desk = Desk::new().await;
    let nights = json!({"hours": [day_of(0, &[("00:00", "05:00")])]});
    desk.secretary().put(&desk.path(), &nights).await.expect(200);
    let short = found(desk.secretary(), &format!("date={}&duration=60", short_day())).await;
    assert_eq!(begin(&short), ["00:00", "01:00", "03:00", "04:00"]);
    let long = found(desk.secretary(), &format!("date={}&duration=60", long_day())).await;
    assert_eq!(begin(&long), ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00"]);
    let which: Vec<_> =
        long["items"].as_array().unwrap().iter().filter_map(|slot| slot["repeatedHour"].as_str()).collect();
    assert_eq!(which, ["first", "second"]);
    assert!(long["items"][3]["start"].as_str().unwrap().ends_with("T02:00:00+01:00"), "{long}");
}
