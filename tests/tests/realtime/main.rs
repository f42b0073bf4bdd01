//! The live screens of a practice: what reaches them, in which order, and whom it does not reach.

use std::time::Duration;

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::screen::Screen;
use system_tests::server::{Client, Server, send};

fn id(patient: &Value) -> &str {
    patient["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_patient_arrives_with_its_fields_and_without_their_values() {
    let practice = Practice::new().await;
    let mut screen = Screen::open(Server::shared(), practice.client(Role::Doctor).token(), None).await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let frame = screen.next_frame().await;
    assert_eq!(frame["event"], "patient_updated");
    assert_eq!(frame["data"]["patientId"], registered["id"]);

    let mut changed = patient("Le Goff", "Zoé");
    changed["contact"] = json!({"phone": "06 12 34 56 78"});
    let answer = practice.secretary().put(&format!("/patients/{}", id(&registered)), &changed).await.expect(200);
    let frame = screen.next_frame().await;
    assert_eq!(frame["data"], json!({"patientId": registered["id"], "fieldsChanged": ["contact.phone"]}));
    assert_eq!(frame["position"].to_string(), answer.header("event-position").unwrap());
    assert!(!frame.to_string().contains("Goff") && !frame.to_string().contains("0612"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_a_frame_and_reads_sees_the_change() {
    let practice = Practice::new().await;
    let mut screen = Screen::open(Server::shared(), practice.client(Role::Doctor).token(), None).await;
    for number in 0..20 {
        let body = patient("Le Goff", &"Z".repeat(number + 1));
        let request = practice.secretary().request(Method::POST, "/patients").header("Prefer", "respond-async");
        let answer = send(request.json(&body)).await.expect(201);
        let frame = screen.next_frame().await;
        assert_eq!(frame["data"]["patientId"], answer.body["id"]);
        practice.secretary().get(&format!("/patients/{}", id(&answer.body))).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_comes_back_gets_what_it_missed_once_and_in_order() {
    let practice = Practice::new().await;
    let token = practice.client(Role::Doctor).token().to_owned();
    let first = practice.register("Nom", "a").await;
    let mut screen = Screen::open(Server::shared(), &token, Some(0)).await;
    let seen = screen.next_frame().await;
    assert_eq!(seen["data"]["patientId"], first["id"], "position 0 is the very beginning");
    drop(screen);

    let mut expected = Vec::new();
    for name in ["b", "c", "d"] {
        expected.push(practice.register("Nom", name).await["id"].clone());
    }
    let mut screen = Screen::open(Server::shared(), &token, seen["position"].as_u64()).await;
    let live = tokio::spawn({
        let client = practice.secretary().clone();
        async move {
            let mut ids = Vec::new();
            for number in 0..20 {
                let body = patient("Nom", &"e".repeat(number + 1));
                ids.push(client.post("/patients", &body).await.expect(201).body["id"].clone());
            }
            ids
        }
    });
    let mut positions = vec![seen["position"].as_u64().unwrap()];
    let mut arrived = Vec::new();
    while arrived.len() < 23 {
        let frame = screen.next_frame().await;
        positions.push(frame["position"].as_u64().unwrap());
        arrived.push(frame["data"]["patientId"].clone());
    }
    expected.extend(live.await.unwrap());
    assert_eq!(arrived, expected);
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
    assert_eq!(screen.next_within(Duration::from_millis(300)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_practice_arrives() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let mut live = Screen::open(Server::shared(), ours.client(Role::Doctor).token(), None).await;
    let mut resuming = Screen::open(Server::shared(), ours.client(Role::Doctor).token(), Some(0)).await;
    theirs.register("Le Goff", "Zoé").await;
    let own = ours.register("Le Goff", "Zoé").await;
    for screen in [&mut live, &mut resuming] {
        assert_eq!(screen.next_frame().await["data"]["patientId"], own["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_does_not_say_who_it_is_gets_nothing() {
    for first in ["hello", "{}", r#"{"type":"authenticate","token":"v4.public.AAAA"}"#] {
        let mut screen = Screen::connect(Server::shared()).await;
        screen.say(first).await;
        let frame = screen.closed().await.expect("a close frame");
        assert!(u16::from(frame.code) >= 4000 || u16::from(frame.code) == 1008, "{first}: {frame:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_address_is_refused() {
    let practice = Practice::new().await;
    let anonymous = Client::anonymous(Server::shared());
    let path = format!("/api/v1/realtime?token={}", practice.secretary().token());
    let request = anonymous.raw(Method::GET, &path).header("Connection", "Upgrade").header("Upgrade", "websocket");
    let request = request.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(send(request).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_the_future_is_refused() {
    let practice = Practice::new().await;
    let mut screen = Screen::connect(Server::shared()).await;
    let hello = json!({"type": "authenticate", "token": practice.secretary().token(), "position": 1_000_000_000});
    screen.say(&hello.to_string()).await;
    assert_eq!(screen.next().await["event"], "error");
    assert!(screen.closed().await.is_some());
}
