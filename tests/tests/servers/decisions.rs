//! A server remembers aggregates as it last saw them. However old that is, it never decides by it alone.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::patient;
use system_tests::server::{Answer, Client, send};

use crate::practice;

fn path(patient: &Value) -> String {
    format!("/patients/{}", patient["id"].as_str().unwrap())
}

fn with_phone(last_digits: usize) -> Value {
    let mut body = patient("Le Goff", "Zoé");
    body["contact"] = json!({"phone": format!("06 12 34 56 {last_digits:02}")});
    body
}

async fn restore(client: &Client, patient: &Value) -> Answer {
    send(client.request(Method::POST, &format!("{}/restore", path(patient)))).await
}

async fn put_at(client: &Client, patient: &Value, version: u64, body: &Value) -> Answer {
    let request = client.request(Method::PUT, &path(patient)).header("If-Match", format!("\"{version}\""));
    send(request.json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_archived_on_one_server_is_not_revised_on_the_other_until_restored() {
    let (practice, one, other) = practice().await;
    let zoe = practice.register("Le Goff", "Zoé").await;
    for round in 0..5 {
        // Both servers remember an active patient.
        one.put(&path(&zoe), &with_phone(4 * round)).await.expect(200);
        other.put(&path(&zoe), &with_phone(4 * round + 1)).await.expect(200);
        one.delete(&path(&zoe)).await.expect(200);
        other.put(&path(&zoe), &with_phone(4 * round + 2)).await.expect_problem(409, "invalid_state");
        other.delete(&path(&zoe)).await.expect_problem(409, "invalid_state");
        // Now both remember an archived one.
        restore(&one, &zoe).await.expect(200);
        restore(&other, &zoe).await.expect_problem(409, "invalid_state");
        other.put(&path(&zoe), &with_phone(4 * round + 3)).await.expect(200);
        other.delete(&path(&zoe)).await.expect(200);
        restore(&one, &zoe).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_remembers_what_was_already_so_writes_it_when_it_is_not_so_any_more() {
    let (practice, one, other) = practice().await;
    let zoe = practice.register("Le Goff", "Zoé").await;
    one.put(&path(&zoe), &with_phone(1)).await.expect(200);
    other.put(&path(&zoe), &with_phone(2)).await.expect(200);
    // By what the first server remembers, this changes nothing.
    let answer = one.put(&path(&zoe), &with_phone(1)).await.expect(200);
    assert_eq!(answer.header("etag"), Some("\"4\""));
    assert_eq!(other.get(&path(&zoe)).await.expect(200).body["contact"], answer.body["contact"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_other_server_has_passed_is_stale() {
    let (practice, one, other) = practice().await;
    let zoe = practice.register("Le Goff", "Zoé").await;
    put_at(&one, &zoe, 1, &with_phone(1)).await.expect(200);
    put_at(&other, &zoe, 1, &with_phone(2)).await.expect_problem(412, "stale_version");
    put_at(&other, &zoe, 2, &with_phone(2)).await.expect(200);
    put_at(&one, &zoe, 2, &with_phone(3)).await.expect_problem(412, "stale_version");
    put_at(&one, &zoe, 3, &with_phone(3)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_saw_the_same_version_on_two_servers_one_may_write() {
    let (practice, one, other) = practice().await;
    let zoe = practice.register("Le Goff", "Zoé").await;
    for version in 1..=10 {
        let tries: Vec<_> = (0..10)
            .map(|number| {
                let client = if number % 2 == 0 { one.clone() } else { other.clone() };
                let (zoe, body) = (zoe.clone(), with_phone(usize::try_from(version % 10).unwrap() * 10 + number));
                tokio::spawn(async move { put_at(&client, &zoe, version, &body).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for outcome in tries {
            statuses.push(outcome.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (200, [412; 9].as_slice()), "at version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_was_corrected_away_on_one_server_is_free_on_the_other() {
    let (practice, one, other) = practice().await;
    let zoe = practice.register("Le Goff", "Zoé").await;
    other.post("/patients", &patient("Le Goff", "Zoé")).await.expect_problem(409, "likely_duplicate");
    let mut corrected = patient("Le Goff", "Chloé");
    corrected["reason"] = json!("Faute de frappe");
    one.put(&path(&zoe), &corrected).await.expect(200);
    other.post("/patients", &patient("Le Goff", "Zoé")).await.expect(201);
    one.post("/patients", &patient("Le Goff", "Chloé")).await.expect_problem(409, "likely_duplicate");
}
