use accounts::totp::TotpSecret;
use data_encoding::BASE32_NOPAD;
use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::{Answer, Client, send};
use system_tests::staff::age_proofs;

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

/// Sets up a second factor for whoever is logged in, and gives its code of this moment.
async fn enroll(client: &Client) -> String {
    let secret = client.post("/auth/mfa/enroll", &json!({})).await.expect(200).body["secret"].clone();
    let bytes = BASE32_NOPAD.decode(secret.as_str().unwrap().as_bytes()).unwrap();
    let code = TotpSecret::from_bytes(bytes.into()).code_at(jiff::Timestamp::now());
    client.post("/auth/mfa/confirm", &json!({"otp": code})).await.expect(200);
    code
}

async fn drop_mfa(client: &Client, member: &Member) -> Answer {
    let request = client.request(Method::DELETE, &format!("{}/mfa", member.path()));
    send(request.header("X-Change-Reason", "T%C3%A9l%C3%A9phone%20perdu")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_drops_a_lost_second_factor_for_a_reason() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    drop_mfa(admin, &nurse).await.expect_problem(404, "resource_not_found");
    let client = nurse.log_in().await;
    enroll(&client).await;
    assert_eq!(admin.get(&nurse.path()).await.expect(200).body["mfaEnabled"], true);
    try_log_in(&nurse.email, PASSWORD).await.expect_problem(401, "second_factor_required");

    let unexplained = admin.delete(&format!("{}/mfa", nurse.path())).await;
    unexplained.expect_problem(400, "invalid_parameter");
    let dropped = drop_mfa(admin, &nurse).await.expect(204);
    assert!(dropped.header("event-position").is_some());
    assert_eq!(admin.get(&nurse.path()).await.expect(200).body["mfaEnabled"], false);
    within_a_second(&client, "/auth/me", |answer| answer.body["code"] == "session_ended").await;
    try_log_in(&nurse.email, PASSWORD).await.expect(200);
    drop_mfa(admin, &nurse).await.expect_problem(404, "resource_not_found");

    // Nobody gets around what the practice requires of them in this way.
    let colleague = Member::hire(admin, Role::Admin, "Roux").await;
    let own = colleague.log_in().await;
    enroll(&own).await;
    drop_mfa(&own, &colleague).await.expect_problem(403, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_or_raising_an_account_needs_a_fresh_proof_of_identity() {
    let practice = Practice::new().await;
    let member = Member::hire(practice.client(Role::Admin), Role::Admin, "Roux").await;
    let nurse = Member::hire(practice.client(Role::Admin), Role::Nurse, "Diallo").await;
    let admin = member.log_in().await;
    age_proofs(member.id()).await;

    let (reset, role) = (format!("{}/password-reset", nurse.path()), format!("{}/role", nurse.path()));
    let raised = json!({"role": "admin", "reason": "Nouvelle fonction"});
    admin.post(&reset, &Value::Null).await.expect_problem(403, "step_up_required");
    admin.post(&role, &raised).await.expect_problem(403, "step_up_required");
    drop_mfa(&admin, &nurse).await.expect_problem(403, "step_up_required");
    admin.get(&nurse.path()).await.expect(200);
    // Whoever finds the screen open makes no administrator who takes over the others.
    let accomplice = super::member(Role::Admin, "Inconnu", "Max");
    admin.post("/users", &accomplice).await.expect_problem(403, "step_up_required");

    admin.post("/auth/step-up", &json!({"password": PASSWORD})).await.expect(204);
    admin.post("/users", &accomplice).await.expect(201);
    admin.post(&reset, &Value::Null).await.expect(200);
    admin.post(&role, &raised).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_somebody_suspended_sets_no_password() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let link = admin.post(&format!("{}/password-reset", nurse.path()), &Value::Null).await.expect(200).body;
    let reason = json!({"reason": "Fin de remplacement"});
    admin.post(&format!("{}/suspend", nurse.path()), &reason).await.expect(200);
    accept(&link, OTHER_PASSWORD).await.expect_problem(422, "link_not_good");
    admin.post(&format!("{}/reinstate", nurse.path()), &reason).await.expect(200);
    try_log_in(&nurse.email, OTHER_PASSWORD).await.expect_problem(401, "invalid_credentials");
    try_log_in(&nurse.email, PASSWORD).await.expect(200);
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
