use domain::role::Role;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, path, revision};
use system_tests::screen::Screen;
use system_tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn screens_are_told_what_happens_to_appointments_with_names_for_those_who_may_read_them() {
    let agenda = Agenda::new().await;
    let mut screen = Screen::open(Server::shared(), agenda.secretary().token(), None).await;
    let dpo = agenda.practice.client(Role::Dpo).token().to_owned();
    let mut officer = Screen::open(Server::shared(), &dpo, None).await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let created = screen.next_frame().await;
    assert_eq!(created["event"], "appointment_created");
    let mut data = created["data"].clone();
    let datetime: jiff::Timestamp = data["datetime"].take().as_str().unwrap().parse().unwrap();
    assert_eq!(datetime, booked["start"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    assert_eq!(
        data,
        json!({
            "appointmentId": booked["id"], "patientId": agenda.patient, "practitionerId": agenda.doctor,
            "patientName": "Zoé Le Goff", "datetime": Value::Null,
        })
    );
    let moved = revision(&visit, &[("startTime", json!("10:00")), ("endTime", json!("10:30"))]);
    agenda.revise(&booked, &moved).await.expect(200);
    let updated = screen.next_frame().await;
    assert_eq!(updated["event"], "appointment_updated");
    assert!(updated["data"]["changes"].as_array().unwrap().contains(&json!("startTime")), "{updated}");
    agenda.step(&booked, "confirm").await.expect(200);
    assert_eq!(screen.next_frame().await["data"]["changes"], json!(["status"]));
    let cancel = format!("{}/cancel", path(&booked));
    agenda.secretary().post(&cancel, &json!({"reason": "Empêchement"})).await.expect(200);
    let cancelled = screen.next_frame().await;
    assert_eq!(
        (&cancelled["event"], &cancelled["data"]["reason"]),
        (&json!("appointment_cancelled"), &json!("Empêchement"))
    );
    // Whoever comes back is told the same of the past.
    let before = created["position"].as_u64().unwrap() - 1;
    let mut back = Screen::open(Server::shared(), agenda.secretary().token(), Some(before)).await;
    assert_eq!(back.next_frame().await, created);
    // Who may not read appointments hears of nothing but patients.
    let mut late = agenda.practice.register("Roux", "Maë").await;
    assert_eq!(officer.next_frame().await["data"]["patientId"], late["id"].take());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_what_is_out_of_date_is_told_on_their_screens_what_is_different() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let moved = revision(&visit, &[("startTime", json!("10:00")), ("endTime", json!("10:30"))]);
    agenda.revise(&booked, &moved).await.expect(200);
    let mut screen = Screen::open(Server::shared(), agenda.secretary().token(), None).await;
    let colleague = agenda.practice.client(Role::Doctor).token().to_owned();
    let mut another = Screen::open(Server::shared(), &colleague, None).await;

    agenda.revise(&booked, &revision(&visit, &[("priority", json!("high"))])).await.expect(412);
    let told = screen.next_frame().await;
    assert_eq!(told["event"], "conflict_detected");
    let data = &told["data"];
    assert_eq!((&data["resourceType"], &data["resourceId"]), (&json!("appointment"), &booked["id"]));
    let fields: Vec<&str> = data["fields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
    assert!(fields.contains(&"startTime") && !fields.contains(&"priority"), "{fields:?}");
    // It is nobody else's: the next that a colleague hears is something that happened.
    agenda.step(&booked, "confirm").await.expect(200);
    assert_eq!(another.next_frame().await["event"], "appointment_updated");
}
