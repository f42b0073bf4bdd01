//! An offer holds nothing: whoever is first gets the time, and whoever is not is told, and waits on.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::Agenda;
use system_tests::screen::Screen;
use system_tests::server::{Server, send};

use super::{accept, join, now, offer_at, place, wish, with};

/// Two patients to whom the same time is offered.
async fn both_offered(agenda: &Agenda) -> [Value; 2] {
    let mut offered = Vec::new();
    for number in 0..2 {
        let patient = agenda.another_patient(number).await;
        let entry = join(agenda, &wish(agenda, &patient)).await;
        let offers = format!("{}/offers", place(&entry));
        offered.push(agenda.secretary().post(&offers, &offer_at(agenda, "09:00")).await.expect(200).body);
    }
    offered.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_accept_at_once_one_gets_it_and_the_other_is_told_and_waits_on() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    for _ in 0..3 {
        let [one, other] = both_offered(&agenda).await;
        let (first, second) = tokio::join!(accept(client, &one), accept(client, &other));
        let (won, lost, loser) = if first.status == 200 { (first, second, &other) } else { (second, first, &one) };
        let won = won.expect(200).body;
        let refused = lost.expect_problem(409, "appointment_conflict");
        assert_eq!(refused.body["conflicts"][0]["resourceId"], won["bookedAppointmentId"]);
        let waits = now(client, loser).await;
        assert_eq!((&waits["status"], waits.get("offer")), (&json!("waiting"), None));
        client.delete(&place(loser)).await.expect(200);
        let booked = format!("/appointments/{}", won["bookedAppointmentId"].as_str().unwrap());
        client.delete(&booked).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_somebody_booked_meanwhile_is_not_to_be_had_and_the_patient_waits_on() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let [one, _] = both_offered(&agenda).await;
    agenda.book(&agenda.visit("09:15", "09:45")).await;
    accept(client, &one).await.expect_problem(409, "appointment_conflict");
    assert_eq!(now(client, &one).await["status"], "waiting");
    accept(client, &one).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_elsewhere_then_keeps_the_offer() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let [one, _] = both_offered(&agenda).await;
    let other_doctor = agenda.another_doctor("Morvan").await;
    let elsewhere = with(
        agenda.visit("09:00", "09:30"),
        &[("practitionerId", json!(other_doctor)), ("patientId", one["patientId"].clone())],
    );
    let elsewhere = agenda.book(&elsewhere).await;
    accept(client, &one).await.expect_problem(409, "appointment_conflict");
    assert_eq!(now(client, &one).await["status"], "offered", "the desk may put it right");
    super::cancel(&agenda, &elsewhere).await;
    accept(client, &one).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_that_is_repeated_books_once_and_answers_the_same() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let [one, _] = both_offered(&agenda).await;
    let ask = || {
        let request = client.request(Method::POST, &format!("{}/accept", place(&one)));
        send(request.header("Idempotency-Key", "yes").json(&super::answer(&one)))
    };
    let (first, second) = (ask().await.expect(200).body, ask().await.expect(200).body);
    assert_eq!(first, second);
    accept(client, &one).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_screens_hear_of_the_list_and_the_staff_is_notified() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let [one, _] = both_offered(&agenda).await;
    let mut screen = Screen::open(Server::shared(), client.token(), None).await;
    let served = accept(client, &one).await.expect(200).body;
    let mut events = Vec::new();
    // What was offered a moment ago may still be on its way.
    while events.last().map(String::as_str) != Some("notification") {
        let frame = screen.next_frame().await;
        if frame["event"] == "notification" {
            assert_eq!(frame["data"]["kind"], "waiting_offer_accepted");
            assert_eq!(frame["data"]["resourceId"], served["id"]);
        }
        events.push(frame["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(events[events.len() - 3..], ["appointment_created", "waiting_list_updated", "notification"]);
}
