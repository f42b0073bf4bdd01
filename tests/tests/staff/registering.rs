use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::send;

use super::{PASSWORD, RPPS, accept, member, path, try_log_in};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_registered_is_invited_chooses_a_password_and_comes_in() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let mut body = member(Role::Doctor, "Le Goff", "Anaïs");
    body["phone"] = json!("02 61 91 00 20");
    body["specialties"] = json!(["SM54", "SM26"]);
    let answer = admin.post("/users", &body).await.expect(201);
    let (user, link) = (&answer.body["user"], &answer.body["link"]);
    assert_eq!(answer.header("location"), Some(format!("/api/v1{}", path(user)).as_str()));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert!(answer.header("event-position").is_some());
    assert_eq!((&user["status"], &user["role"]), (&json!("invited"), &json!("doctor")));
    assert_eq!((&user["rppsNumber"], &user["specialties"]), (&json!(RPPS), &json!(["SM54", "SM26"])));
    assert_eq!(user["phone"], "+33261910020");
    assert!(link["token"].as_str().unwrap().starts_with("mpl_") && link["expiresAt"].is_string());
    assert_eq!(&admin.get(&path(user)).await.expect(200).body, user, "a read that follows sees it");

    let email = body["email"].as_str().unwrap();
    try_log_in(email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    accept(&answer.body, "password1234").await.expect_problem(422, "validation_failed");
    accept(&answer.body, PASSWORD).await.expect(204);
    accept(&answer.body, PASSWORD).await.expect_problem(422, "link_not_good");
    let login = try_log_in(email, PASSWORD).await.expect(200).body;
    assert_eq!((&login["user"]["id"], &login["user"]["rpps_number"]), (&user["id"], &json!(RPPS)));
    assert_eq!(admin.get(&path(user)).await.expect(200).body["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_registration_registers_nobody_twice_and_does_not_repeat_the_secret() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let body = member(Role::Nurse, "Diallo", "Mariam");
    let post = |body: &Value| send(admin.request(Method::POST, "/users").header("Idempotency-Key", "k").json(body));
    let first = post(&body).await.expect(201).body;
    let again = post(&body).await.expect(201);
    assert_eq!(again.body["user"], first["user"]);
    assert!(again.body.get("link").is_none());
    post(&member(Role::Nurse, "Autre", "Nom")).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(admin.get("/users").await.expect(200).body["total"], 1);

    accept(&first, PASSWORD).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_invitation_makes_the_former_void() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let first = admin.post("/users", &member(Role::Secretary, "Roux", "Léa")).await.expect(201).body;
    let invite = format!("{}/invite", path(&first["user"]));
    let keyed = || send(admin.request(Method::POST, &invite).header("Idempotency-Key", "again"));
    let second = keyed().await.expect(200);
    assert_eq!(second.header("etag"), Some("\"1\""), "an invitation is nothing that the file shows");
    assert!(keyed().await.expect(200).body.get("link").is_none());
    accept(&first, PASSWORD).await.expect_problem(422, "link_not_good");
    accept(&second.body, PASSWORD).await.expect(204);
    send(admin.request(Method::POST, &invite)).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_somebody_has_is_refused_without_telling_whose_it_is() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let taken = member(Role::Nurse, "Diallo", "Mariam");
    theirs.client(Role::Admin).post("/users", &taken).await.expect(201);
    let mut body = member(Role::Nurse, "Autre", "Nom");
    body["email"] = json!(taken["email"].as_str().unwrap().to_uppercase());
    let mut conflicts = Vec::new();
    for practice in [&ours, &theirs] {
        let refused = practice.client(Role::Admin).post("/users", &body).await.expect_problem(409, "conflict");
        conflicts.push(refused.body["conflicts"].clone());
    }
    assert_eq!(conflicts[0], json!([{"resourceType": "user", "rule": "same_email", "fields": ["email"]}]));
    assert_eq!(conflicts[0], conflicts[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_register_staff() {
    let practice = Practice::new().await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let client = practice.client(role);
        let refused = client.post("/users", &member(Role::Admin, "Moi", "Même")).await;
        refused.expect_problem(403, "permission_denied");
    }
}
