use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::send;

use super::{Member, PASSWORD, accept, member, path, try_log_in, within_a_second};

const OTHER_PASSWORD: &str = "trois phares et une bouée";

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_the_choice_of_the_password_to_its_owner() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let client = nurse.log_in().await;
    let reset = format!("{}/password-reset", nurse.path());
    let post = |key: &'static str| send(admin.request(Method::POST, &reset).header("Idempotency-Key", key));
    let (first, second) = (post("1").await.expect(200).body, post("2").await.expect(200).body);
    assert!(post("2").await.expect(200).body.get("link").is_none());
    client.get("/auth/me").await.expect(200);
    try_log_in(&nurse.email, PASSWORD).await.expect(200);

    accept(&first, OTHER_PASSWORD).await.expect_problem(422, "link_not_good");
    accept(&second, OTHER_PASSWORD).await.expect(204);
    within_a_second(&client, "/auth/me", |answer| answer.body["code"] == "session_ended").await;
    try_log_in(&nurse.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    try_log_in(&nurse.email, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_chose_a_password_has_none_to_reset() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let user = admin.post("/users", &member(Role::Nurse, "Diallo", "Mariam")).await.expect(201).body["user"].clone();
    let reset = format!("{}/password-reset", path(&user));
    admin.post(&reset, &Value::Null).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_the_session_of_a_lost_device() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let other = Member::hire(admin, Role::Nurse, "Roux").await;
    let (kept, lost) = (nurse.log_in().await, nurse.log_in().await);
    let sessions = format!("{}/sessions", nurse.path());
    let listed = admin.get(&sessions).await.expect(200).body;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[0]["secondFactor"], &items[0]["clientAddress"]), (&json!(false), &json!("127.0.0.1")));
    kept.get(&sessions).await.expect_problem(403, "permission_denied");

    let latest = items[0]["id"].as_str().unwrap();
    let elsewhere = format!("{}/sessions/{latest}", other.path());
    admin.delete(&elsewhere).await.expect_problem(404, "resource_not_found");
    admin.delete(&format!("{sessions}/{latest}")).await.expect(204);
    admin.delete(&format!("{sessions}/{latest}")).await.expect_problem(404, "resource_not_found");
    within_a_second(&lost, "/auth/me", |answer| answer.body["code"] == "session_ended").await;
    kept.get("/auth/me").await.expect(200);
    assert_eq!(admin.get(&sessions).await.expect(200).body["items"].as_array().unwrap().len(), 1);
}
