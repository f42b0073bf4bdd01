use std::collections::HashSet;

use domain::ids::Position;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{letters, patient};
use system_tests::server::{Answer, Client, send};

use crate::{practice, two_servers};

async fn register(client: &Client, key: &str, body: &Value) -> Answer {
    send(client.request(Method::POST, "/patients").header("Idempotency-Key", key).json(body)).await
}

/// The answers to one request per number, all of them sent at once, to the two servers in turn.
async fn at_once(
    count: usize,
    one: &Client,
    other: &Client,
    key: impl Fn(usize) -> String,
    body: impl Fn(usize) -> Value,
) -> Vec<Answer> {
    let tries: Vec<_> = (0..count)
        .map(|number| {
            let client = if number % 2 == 0 { one.clone() } else { other.clone() };
            let (key, body) = (key(number), body(number));
            tokio::spawn(async move { register(&client, &key, &body).await })
        })
        .collect();
    let mut answers = Vec::with_capacity(count);
    for outcome in tries {
        answers.push(outcome.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_on_one_server_is_read_on_the_other_at_once() {
    let (_practice, one, other) = practice().await;
    for number in 0..20 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let body = patient("Le Goff", &letters(number));
        let registered = writer.post("/patients", &body).await.expect(201);
        let path = format!("/patients/{}", registered.body["id"].as_str().unwrap());
        assert_eq!(reader.get(&path).await.expect(200).body, registered.body);
        assert_eq!(reader.get("/patients").await.expect(200).body["total"], number + 1);

        let mut revised = body.clone();
        revised["contact"] = json!({"phone": format!("06 12 34 56 {number:02}")});
        let answer = reader.put(&path, &revised).await.expect(200);
        let seen = writer.get(&path).await.expect(200);
        assert_eq!((seen.header("etag"), &seen.body), (answer.header("etag"), &answer.body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_registrations_on_each_server_leave_no_gap_and_give_every_patient_a_number() {
    let (_practice, one, other) = practice().await;
    let answers =
        at_once(200, &one, &other, |number| format!("k-{number}"), |number| patient("Nom", &letters(number))).await;
    let mut numbers = HashSet::new();
    for answer in answers {
        let answer = answer.expect(201);
        assert!(numbers.insert(answer.body["patientNumber"].as_str().unwrap().to_owned()), "{}", answer.text);
    }
    let log = two_servers().await.open_log().await;
    let events = log.read_forward(Position::ZERO, 100_000).await.unwrap();
    for (expected, event) in (1..).zip(&events) {
        assert_eq!(event.position.get(), expected);
    }
    assert!(events.len() > 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_simultaneous_registrations_of_one_identity_over_two_servers_one_succeeds() {
    let (_practice, one, other) = practice().await;
    let answers = at_once(200, &one, &other, |number| format!("k-{number}"), |_| patient("Le Goff", "Zoé")).await;
    let mut registered = Vec::new();
    for answer in answers {
        match answer.status {
            201 => registered.push(answer.body["id"].clone()),
            _ => drop(answer.expect_problem(409, "likely_duplicate")),
        }
    }
    assert_eq!(registered.len(), 1);
    for client in [one, other] {
        assert_eq!(client.get("/patients").await.expect(200).body["total"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_on_the_other_server_gets_the_first_answer() {
    let (_practice, one, other) = practice().await;
    let body = patient("Le Goff", "Zoé");
    let first = register(&one, "k-1", &body).await.expect(201);
    let again = register(&other, "k-1", &body).await.expect(201);
    assert_eq!((again.body, again.headers.get("event-position")), (first.body, first.headers.get("event-position")));
    register(&other, "k-1", &patient("Le Goff", "Chloé")).await.expect_problem(422, "idempotency_key_reused");

    let answers = at_once(50, &one, &other, |_| "k-2".to_owned(), |_| patient("Le Goff", "Chloé")).await;
    let bodies: HashSet<_> = answers.into_iter().map(|answer| answer.expect(201).body.to_string()).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(one.get("/patients").await.expect(200).body["total"], 2);
}
