//! The waiting list through the HTTP interface of real servers: who waits, what frees up, who is offered it, and who gets it.

mod answering;
mod crashing;
mod offering;
mod places;
mod validation;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week, path, today};
use system_tests::server::{Answer, Client, send};

/// How long something that happens by itself may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a patient waits for: the doctor, half an hour, some day of the next weeks.
fn wish(agenda: &Agenda, patient: &str) -> Value {
    json!({
        "patientId": patient, "practitionerIds": [agenda.doctor], "type": "consultation", "duration": 30,
        "earliest": today(), "latest": in_a_week(), "title": "Suivi", "reason": "Toux",
    })
}

fn with(mut body: Value, changes: &[(&str, Value)]) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    body
}

fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field);
    body
}

fn place(entry: &Value) -> String {
    format!("/waiting-list/{}", entry["id"].as_str().unwrap())
}

async fn join(agenda: &Agenda, wish: &Value) -> Value {
    agenda.secretary().post("/waiting-list", wish).await.expect(201).body
}

/// The place as it is now.
async fn now(client: &Client, entry: &Value) -> Value {
    client.get(&place(entry)).await.expect(200).body
}

/// Waits until the place is as expected.
async fn until(client: &Client, entry: &Value, what: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let found = now(client, entry).await;
        if what(&found) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{found}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

async fn offered(client: &Client, entry: &Value) -> Value {
    until(client, entry, |found| found["status"] == "offered").await
}

fn answer(entry: &Value) -> Value {
    json!({"offerId": entry["offer"]["offerId"]})
}

async fn accept(client: &Client, entry: &Value) -> Answer {
    client.post(&format!("{}/accept", place(entry)), &answer(entry)).await
}

async fn decline(client: &Client, entry: &Value) -> Answer {
    client.post(&format!("{}/decline", place(entry)), &answer(entry)).await
}

async fn cancel(agenda: &Agenda, appointment: &Value) {
    send(agenda.secretary().request(Method::DELETE, &path(appointment))).await.expect(200);
}

/// An offer by hand of the doctor's time in a week.
fn offer_at(agenda: &Agenda, start: &str) -> Value {
    json!({"practitionerId": agenda.doctor, "date": in_a_week(), "startTime": start})
}
