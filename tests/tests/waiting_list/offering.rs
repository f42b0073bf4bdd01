//! Time that frees up is offered by itself, to the first in line whom it fits, and to the next when it is not wanted.

use domain::availability::{AvailabilityCommand, ExtraHours, Leave, LeaveKind};
use domain::ids::{ExtraHoursId, LeaveId};
use domain::scheduling::{TimeOfDay, TimeSlot};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, revision};
use uuid::Uuid;

use super::{accept, cancel, decline, join, now, offer_at, offered, place, until, wish, with};

/// So many patients who wait, each for the same.
async fn line(agenda: &Agenda, count: usize, changes: &[(&str, Value)]) -> Vec<Value> {
    let mut line = Vec::new();
    for number in 0..count {
        let patient = agenda.another_patient(number).await;
        line.push(join(agenda, &with(wish(agenda, &patient), changes)).await);
    }
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_appointment_is_offered_to_the_first_in_line_and_then_to_the_next() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let waiting = line(&agenda, 2, &[]).await;
    cancel(&agenda, &booked).await;
    let first = offered(client, &waiting[0]).await;
    let offer = &first["offer"];
    assert_eq!((&offer["date"], &offer["startTime"]), (&json!(in_a_week()), &json!("09:00")));
    assert_eq!((&offer["endTime"], &offer["practitionerId"]), (&json!("09:30"), &json!(agenda.doctor)));
    let answer_by: Timestamp = offer["answerBy"].as_str().unwrap().parse().unwrap();
    assert!(answer_by > Timestamp::now(), "there is time to answer");
    assert_eq!(now(client, &waiting[1]).await["status"], "waiting");

    decline(client, &first).await.expect(200);
    let second = offered(client, &waiting[1]).await;
    assert_eq!(second["offer"]["startTime"], "09:00");
    let first = now(client, &waiting[0]).await;
    assert_eq!((&first["status"], first.get("offer")), (&json!("waiting"), None), "not the same again");

    let served = accept(client, &second).await.expect(200).body;
    assert_eq!(served["status"], "served");
    let id = served["bookedAppointmentId"].as_str().unwrap();
    let appointment = client.get(&format!("/appointments/{id}")).await.expect(200).body;
    assert_eq!((&appointment["patientId"], &appointment["startTime"]), (&served["patientId"], &json!("09:00")));
    assert_eq!((&appointment["title"], &appointment["reason"]), (&json!("Suivi"), &json!("Toux")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whom_it_fits_is_offered_it_and_more_pressing_comes_first() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let other_doctor = agenda.another_doctor("Morvan").await;
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let no_fit = [
        ("practitionerIds", json!([other_doctor])),
        ("latest", json!(in_a_week() - 1.day())),
        ("times", json!([{"start": "14:00", "end": "18:00"}])),
        ("daysOfWeek", json!([(in_a_week() + 1.day()).weekday().to_sunday_zero_offset()])),
        ("specialty", json!("SM54")),
    ];
    let mut passed_over = Vec::new();
    for (number, (field, value)) in no_fit.into_iter().enumerate() {
        let patient = agenda.another_patient(number).await;
        let mut wished = with(wish(&agenda, &patient), &[(field, value)]);
        if field == "specialty" {
            wished["practitionerIds"] = json!([other_doctor]);
        }
        passed_over.push(join(&agenda, &wished).await);
    }
    let patient = agenda.another_patient(20).await;
    let calm = join(&agenda, &wish(&agenda, &patient)).await;
    let patient = agenda.another_patient(21).await;
    let pressing = join(&agenda, &with(wish(&agenda, &patient), &[("priority", json!("urgent"))])).await;
    cancel(&agenda, &booked).await;
    offered(client, &pressing).await;
    for entry in passed_over.iter().chain([&calm]) {
        assert_eq!(now(client, entry).await["status"], "waiting", "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_busy_then_is_passed_over() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let other_doctor = agenda.another_doctor("Morvan").await;
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let waiting = line(&agenda, 2, &[]).await;
    let elsewhere = with(
        agenda.visit("09:15", "09:45"),
        &[("practitionerId", json!(other_doctor)), ("patientId", waiting[0]["patientId"].clone())],
    );
    agenda.book(&elsewhere).await;
    cancel(&agenda, &booked).await;
    offered(client, &waiting[1]).await;
    assert_eq!(now(client, &waiting[0]).await["status"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_time_that_frees_up_is_offered_to_as_many_as_fit_in() {
    let agenda = Agenda::new().await;
    let booked = agenda.book(&agenda.visit("09:00", "10:00")).await;
    let waiting = line(&agenda, 3, &[]).await;
    cancel(&agenda, &booked).await;
    let mut begin = Vec::new();
    for entry in &waiting[..2] {
        begin.push(offered(agenda.secretary(), entry).await["offer"]["startTime"].clone());
    }
    assert_eq!(begin, ["09:00", "09:30"]);
    assert_eq!(now(agenda.secretary(), &waiting[2]).await["status"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_appointment_frees_its_former_time() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let waiting = line(&agenda, 1, &[]).await;
    let moved = revision(&visit, &[("startTime", json!("15:00")), ("endTime", json!("15:30"))]);
    agenda.revise(&booked, &moved).await.expect(200);
    assert_eq!(offered(agenda.secretary(), &waiting[0]).await["offer"]["startTime"], "09:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_later_appointment_has_it_moved_and_its_time_goes_on_to_the_next() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let early = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let patient = agenda.another_patient(1).await;
    let late = agenda.book(&with(agenda.visit("16:00", "16:30"), &[("patientId", json!(patient))])).await;
    let mover = join(&agenda, &with(wish(&agenda, &patient), &[("appointmentId", late["id"].clone())])).await;
    let next = agenda.another_patient(2).await;
    let next =
        join(&agenda, &with(wish(&agenda, &next), &[("times", json!([{"start": "16:00", "end": "17:00"}]))])).await;
    cancel(&agenda, &early).await;
    let served = accept(client, &offered(client, &mover).await).await.expect(200).body;
    assert_eq!(served["bookedAppointmentId"], late["id"]);
    let moved = client.get(&system_tests::agenda::path(&late)).await.expect(200).body;
    assert_eq!(moved["startTime"], "09:00");
    assert_eq!(offered(client, &next).await["offer"]["startTime"], "16:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_hours_and_a_leave_that_is_cancelled_are_offered() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let leave_id = LeaveId(Uuid::now_v7());
    let (from, until_) = (in_a_week().at(0, 0, 0, 0), in_a_week().at(23, 0, 0, 0));
    let leave = Leave { from, until: until_, kind: LeaveKind::Training };
    let plan = AvailabilityCommand::PlanLeave { leave_id, leave, touched: Vec::new(), confirmed: false };
    agenda.plan(&agenda.doctor, plan).await;
    let only_then = [("earliest", json!(in_a_week()))];
    let waiting = line(&agenda, 1, &only_then).await;
    agenda.plan(&agenda.doctor, AvailabilityCommand::CancelLeave { leave_id }).await;
    let first = offered(client, &waiting[0]).await;
    assert_eq!((&first["offer"]["date"], &first["offer"]["startTime"]), (&json!(in_a_week()), &json!("08:00")));

    let evening = with(
        wish(&agenda, &agenda.another_patient(30).await),
        &[("times", json!([{"start": "20:00", "end": "22:00"}])), ("earliest", json!(in_a_week()))],
    );
    let evening = join(&agenda, &evening).await;
    let at = |hour| TimeOfDay::new(hour, 0).unwrap();
    let extra = ExtraHours { date: in_a_week(), time_slots: vec![TimeSlot { start: at(20), end: at(22) }] };
    let open = AvailabilityCommand::OpenExtraHours { extra_id: ExtraHoursId(Uuid::now_v7()), extra };
    agenda.plan(&agenda.doctor, open).await;
    assert_eq!(offered(client, &evening).await["offer"]["startTime"], "20:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_lapses_by_itself_and_goes_on_to_the_next() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let waiting = line(&agenda, 2, &[]).await;
    let in_two_seconds = Timestamp::now() + 2.seconds();
    let offer = with(offer_at(&agenda, "09:00"), &[("answerBy", json!(in_two_seconds.to_string()))]);
    let first = client.post(&format!("{}/offers", place(&waiting[0])), &offer).await.expect(200).body;
    let second = offered(client, &waiting[1]).await;
    assert_eq!(second["offer"]["startTime"], "09:00");
    assert!(Timestamp::now() >= in_two_seconds, "not before its time");
    let lapsed = until(client, &waiting[0], |found| found["status"] == "waiting").await;
    assert_eq!(lapsed["version"], 3, "joined, offered, lapsed: {lapsed}");
    accept(client, &first).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_with_an_open_offer_leaves_it_to_the_next() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let waiting = line(&agenda, 2, &[]).await;
    client.post(&format!("{}/offers", place(&waiting[0])), &offer_at(&agenda, "09:00")).await.expect(200);
    client.delete(&place(&waiting[0])).await.expect(200);
    assert_eq!(offered(client, &waiting[1]).await["offer"]["startTime"], "09:00");
}
