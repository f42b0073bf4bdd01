use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::fleet::Fleet;
use system_tests::practice::{Practice, patient};
use system_tests::server::{Answer, Client, try_send};

/// The servers of a fleet are given 8 seconds; one more for the way.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(9);
const RECOVERY: Duration = Duration::from_secs(30);

async fn write(client: &Client, number: usize) -> Answer {
    let body = patient("Nom", &"x".repeat(number + 1));
    let request = client.request(reqwest::Method::POST, "/patients").header("Idempotency-Key", format!("k-{number}"));
    try_send(request.json(&body)).await.expect("the server answers")
}

/// What a client is told while PostgreSQL is away: later, within the time-out, in the form of every problem.
async fn is_put_off(client: &Client) {
    let (began, path) = (Instant::now(), "/patients?limit=1");
    let (written, read, ready) = tokio::join!(write(client, 1), client.get(path), client.get("/health/ready"));
    assert!(began.elapsed() < REQUEST_TIMEOUT, "{:?}", began.elapsed());
    for answer in [&written, &read] {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(ready.status, 503, "{}", ready.text);
}

async fn recovers(client: &Client) {
    let deadline = Instant::now() + RECOVERY;
    let mut answer = write(client, 1).await;
    while answer.status != 201 {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(Instant::now() < deadline, "no recovery: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = write(client, 1).await;
    }
    let path = format!("/patients/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(read_when_back(client, &path).await.expect(200).body["id"], answer.body["id"]);
}

/// The first answer that is not "later": a connection that the pool still holds may turn out to be dead.
async fn read_when_back(client: &Client, path: &str) -> Answer {
    let deadline = Instant::now() + RECOVERY;
    let mut read = client.get(path).await;
    while read.status == 503 {
        assert!(Instant::now() < deadline, "no recovery: {}", read.text);
        tokio::time::sleep(Duration::from_millis(5)).await;
        read = client.get(path).await;
    }
    read
}

async fn total(practice: &Practice) -> u64 {
    practice.secretary().get("/patients").await.expect(200).body["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_frozen_requests_are_put_off_and_afterwards_they_succeed() {
    let fleet = Fleet::start(1).await;
    let practice = fleet.open_practice().await;
    write(practice.secretary(), 0).await.expect(201);
    let frozen = fleet.freeze_postgres().expect("PostgreSQL runs");
    is_put_off(practice.secretary()).await;
    drop(frozen);
    recovers(practice.secretary()).await;
    assert_eq!(total(&practice).await, 2, "what was put off was not done twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_down_requests_are_put_off_and_afterwards_they_succeed() {
    let fleet = Fleet::start(1).await;
    let practice = fleet.open_practice().await;
    write(practice.secretary(), 0).await.expect(201);
    // It comes back in a moment: each of these requests meets its end, its absence or its return.
    for _ in 0..5 {
        assert!(fleet.signal_postgres(libc::SIGKILL));
        let answer = write(practice.secretary(), 1).await;
        assert!([201, 503].contains(&answer.status), "{}", answer.text);
        recovers(practice.secretary()).await;
    }
    assert_eq!(total(&practice).await, 2, "what was put off was not done twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_read_after_a_crash_of_postgresql() {
    let fleet = Fleet::start(1).await;
    let practice = fleet.open_practice().await;
    let client = practice.secretary();
    for number in 0..10 {
        let written = write(client, number).await.expect(201);
        assert!(fleet.signal_postgres(libc::SIGKILL));
        let path = format!("/patients/{}", written.body["id"].as_str().unwrap());
        let read = read_when_back(client, &path).await;
        assert_eq!(read.status, 200, "round {number}: {}", read.text);
        // The next write finds the server as a client would a moment later.
        recovers(client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_commands_go_on_and_push_catches_up() {
    let fleet = Fleet::start(1).await;
    let practice = fleet.open_practice().await;
    write(practice.secretary(), 0).await.expect(201);
    let frozen = fleet.freeze_nats().expect("NATS runs");
    let began = Instant::now();
    for number in 1..10 {
        write(practice.secretary(), number).await.expect(201);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(frozen);
    assert!(fleet.signal_nats(libc::SIGKILL));
    for number in 10..20 {
        write(practice.secretary(), number).await.expect(201);
    }
    assert_eq!(practice.secretary().get("/health/ready").await.status, 200, "without NATS it is ready all the same");
    let head = practice.secretary().get("/patients?limit=1").await.expect(200).body["total"].clone();
    assert_eq!(head, json!(20));
    is_published(&fleet).await;
}

/// The publisher reaches the head of the log.
async fn is_published(fleet: &Fleet) {
    let find = "SELECT position = (SELECT max(global_position) FROM log.events)
                FROM read_model.checkpoints WHERE projection = 'nats_publisher'";
    let owner = fleet.owner_client().await.unwrap();
    let deadline = Instant::now() + RECOVERY;
    while !owner.query_one(find, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "the publisher does not catch up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
