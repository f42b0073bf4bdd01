use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::{Answer, Client, send};

async fn register(client: &Client, key: &str, body: &Value) -> Answer {
    send(client.request(Method::POST, "/patients").header("Idempotency-Key", key).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_registration_gets_the_first_answer_again() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let first = register(client, "k-1", &patient("Le Goff", "Zoé")).await.expect(201);
    let path = format!("/patients/{}", first.body["id"].as_str().unwrap());
    let mut later = patient("Le Goff", "Zoé");
    later["contact"] = json!({"phone": "06 12 34 56 78"});
    client.put(&path, &later).await.expect(200);

    let again = register(client, "k-1", &patient("Le Goff", "Zoé")).await.expect(201);
    assert_eq!(again.body, first.body, "the first answer, though the patient has changed since");
    for header in ["etag", "location", "event-position"] {
        assert_eq!(again.header(header), first.header(header));
    }
    assert_eq!(client.get("/patients").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_another_body_is_refused() {
    let practice = Practice::new().await;
    register(practice.secretary(), "k-1", &patient("Le Goff", "Zoé")).await.expect(201);
    register(practice.secretary(), "k-1", &patient("Le Goff", "Chloé"))
        .await
        .expect_problem(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_member_of_staff_may_use_the_same_key() {
    let practice = Practice::new().await;
    register(practice.secretary(), "k-1", &patient("Le Goff", "Zoé")).await.expect(201);
    let doctor = practice.client(domain::role::Role::Doctor);
    register(doctor, "k-1", &patient("Le Goff", "Chloé")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_simultaneous_repetitions_register_once() {
    let practice = Practice::new().await;
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let client = practice.secretary().clone();
            tokio::spawn(async move { register(&client, "k-1", &patient("Le Goff", "Zoé")).await.expect(201) })
        })
        .collect();
    let mut bodies = Vec::new();
    for outcome in tries {
        bodies.push(outcome.await.unwrap().body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(practice.secretary().get("/patients").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_restoration_succeeds_though_there_is_nothing_left_to_restore() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let client = practice.secretary();
    client.delete(&path).await.expect(200);
    let restore = || client.request(Method::POST, &format!("{path}/restore")).header("Idempotency-Key", "k-1");
    let first = send(restore()).await.expect(200);
    let again = send(restore()).await.expect(200);
    assert_eq!(first.body, again.body);
    send(client.request(Method::POST, &format!("{path}/restore"))).await.expect_problem(409, "invalid_state");
}
