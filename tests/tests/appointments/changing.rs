use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, revision, today};
use system_tests::server::send;

#[tokio::test(flavor = "multi_thread")]
async fn other_times_are_a_move_that_asks_for_confirmation_again() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let confirmed = agenda.step(&booked, "confirm").await.expect(200).body;
    let to_ten = revision(&visit, &[("startTime", json!("10:00")), ("endTime", json!("10:30"))]);
    let moved = agenda.revise(&confirmed, &to_ten).await.expect(200);
    assert_eq!((&moved.body["status"], &moved.body["startTime"]), (&json!("scheduled"), &json!("10:00")));
    assert_eq!(moved.header("etag"), Some("\"3\""));
    // The former time is free, the new one is not.
    let mut other = agenda.visit("10:00", "10:30");
    other["patientId"] = json!(agenda.another_patient(0).await);
    agenda.secretary().post("/appointments", &other).await.expect_problem(409, "appointment_conflict");
    other["startTime"] = json!("09:00");
    other["endTime"] = json!("09:30");
    agenda.book(&other).await;
    let back = revision(&visit, &[]);
    agenda.revise(&moved.body, &back).await.expect_problem(409, "appointment_conflict");
    let night = revision(&visit, &[("startTime", json!("21:00")), ("endTime", json!("21:30"))]);
    agenda.revise(&moved.body, &night).await.expect_problem(409, "outside_availability");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_version_that_was_read_and_one_that_changes_nothing_is_none() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let same = revision(&visit, &[]);
    agenda.secretary().put(&path(&booked), &same).await.expect_problem(428, "precondition_required");
    let unchanged = agenda.revise(&booked, &same).await.expect(200);
    assert_eq!((unchanged.header("etag"), unchanged.header("event-position")), (Some("\"1\""), None));
    let changed = revision(&visit, &[("notes", json!("Sans sa fille.")), ("priority", json!("urgent"))]);
    let now = agenda.revise(&booked, &changed).await.expect(200);
    assert_eq!((&now.body["notes"], &now.body["version"]), (&json!("Sans sa fille."), &json!(2)));
    agenda.revise(&booked, &same).await.expect_problem(412, "stale_version");
    let any = agenda.secretary().request(Method::PUT, &path(&booked)).header("If-Match", "*").json(&same);
    assert_eq!(send(any).await.expect(200).body["notes"], "Vient avec sa fille.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_a_change_are_made_together_or_not_at_all() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let booked = agenda.book(&visit).await;
    let doctor = agenda.another_doctor("Petit").await;
    let both = revision(&visit, &[("practitionerId", json!(doctor)), ("title", json!("Bilan"))]);
    let now = agenda.revise(&booked, &both).await.expect(200).body;
    assert_eq!((&now["practitionerId"], &now["title"], &now["version"]), (&json!(doctor), &json!("Bilan"), &json!(3)));
    let refused =
        revision(&both, &[("startTime", json!("07:00")), ("endTime", json!("07:30")), ("title", json!("Non"))]);
    agenda.revise(&now, &refused).await.expect_problem(409, "outside_availability");
    assert_eq!(agenda.secretary().get(&path(&now)).await.expect(200).body, now);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_written_of_a_visit_that_is_over_and_its_times_stay() {
    let agenda = Agenda::new().await;
    let mut visit = agenda.visit("09:00", "09:30");
    visit["date"] = json!(today().yesterday().unwrap());
    visit["overrideAvailability"] = json!(true);
    visit["justification"] = json!("Saisie après la visite");
    let mut appointment = agenda.book(&visit).await;
    for step in ["arrive", "start"] {
        appointment = agenda.step(&appointment, step).await.expect(200).body;
    }
    let notes = revision(&visit, &[("notes", json!("Va mieux.")), ("justification", Value::Null)]);
    let notes = without_nulls(notes);
    appointment = agenda.revise(&appointment, &notes).await.expect(200).body;
    let moved = revision(&visit, &[("date", json!(in_a_week()))]);
    agenda.revise(&appointment, &moved).await.expect_problem(409, "invalid_state");
    appointment = agenda.step(&appointment, "complete").await.expect(200).body;
    agenda
        .revise(&appointment, &revision(&visit, &[("notes", json!("Non."))]))
        .await
        .expect_problem(409, "invalid_state");
}

fn without_nulls(mut body: Value) -> Value {
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}
