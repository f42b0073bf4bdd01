use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::{Client, send};

use super::{Member, PASSWORD, details, email, member, path, put, try_log_in, within_a_second};

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_replaced_under_the_version_that_was_read() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let body = member(Role::Nurse, "Diallo", "Mariam");
    let user = admin.post("/users", &body).await.expect(201).body["user"].clone();
    let mut married = details(&body);
    married["lastName"] = json!("Diallo Martin");
    married["adeliNumber"] = json!("2A1234567");
    admin.put(&path(&user), &married).await.expect_problem(428, "precondition_required");
    put(admin, &path(&user), "\"2\"", &married).await.expect_problem(412, "stale_version");
    let changed = put(admin, &path(&user), "\"1\"", &married).await.expect(200);
    assert_eq!(changed.body["lastName"], "Diallo Martin");
    assert_eq!(changed.body["adeliNumber"], "2A1234567");
    let tag = changed.header("etag").unwrap();
    assert_eq!(admin.get(&path(&user)).await.expect(200).header("etag"), Some(tag));
    let unchanged = put(admin, &path(&user), tag, &married).await.expect(200);
    assert_eq!((unchanged.header("etag"), unchanged.header("event-position")), (Some(tag), None));
    put(admin, &path(&user), "\"1\"", &married).await.expect_problem(412, "stale_version");

    let known = |tag: &str| admin.request(Method::GET, &path(&user)).header("If-None-Match", tag);
    assert_eq!(send(known(tag)).await.status, 304);
    assert_eq!(send(known("\"1\"")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_logs_in_with_the_address_they_have_now() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let other = Member::hire(admin, Role::Nurse, "Roux").await;
    let taken = json!({"lastName": "Diallo", "firstName": "Maë", "email": other.email});
    put(admin, &nurse.path(), "*", &taken).await.expect_problem(409, "conflict");

    let (now, again) = (email(), json!({"lastName": "Diallo", "firstName": "Maë"}));
    let mut moved = again.clone();
    moved["email"] = json!(now);
    put(admin, &nurse.path(), "*", &moved).await.expect(200);
    try_log_in(&now, PASSWORD).await.expect(200);
    try_log_in(&nurse.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    // What was left is free.
    let mut next = member(Role::Nurse, "Suivante", "Élise");
    next["email"] = json!(nurse.email);
    admin.post("/users", &next).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_counts_within_a_second_in_the_sessions_there_are() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let member = Member::hire(admin, Role::Secretary, "Roux").await;
    let client = member.log_in().await;
    let sessions = format!("{}/sessions", member.path());
    client.get(&sessions).await.expect_problem(403, "permission_denied");
    let role = |role: &str| json!({"role": role, "reason": "Nouvelle fonction"});
    let assign = format!("{}/role", member.path());
    let refused = admin.post(&assign, &role("doctor")).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["rppsNumber"]);
    let stale = admin.request(Method::POST, &assign).header("If-Match", "\"1\"").json(&role("admin"));
    send(stale).await.expect_problem(412, "stale_version");
    let changed = admin.post(&assign, &role("admin")).await.expect(200);
    assert_eq!(changed.body["role"], "admin");
    within_a_second(&client, &sessions, |answer| answer.status == 200).await;
    assert_eq!(client.get("/auth/me").await.expect(200).body["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_ends_all_sessions_within_a_second_and_a_reinstatement_lets_in_again() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let member = Member::hire(admin, Role::Nurse, "Diallo").await;
    let client = member.log_in().await;
    let (reason, suspend) = (json!({"reason": "Fin de remplacement"}), format!("{}/suspend", member.path()));
    let keyed = || send(admin.request(Method::POST, &suspend).header("Idempotency-Key", "s").json(&reason));
    assert_eq!(keyed().await.expect(200).body["status"], "suspended");
    assert_eq!(keyed().await.expect(200).body["status"], "suspended", "a repetition gets the same answer");
    admin.post(&suspend, &reason).await.expect_problem(409, "invalid_state");
    within_a_second(&client, "/auth/me", |answer| answer.body["code"] == "session_ended").await;
    try_log_in(&member.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    for link in ["invite", "password-reset"] {
        admin.post(&format!("{}/{link}", member.path()), &Value::Null).await.expect_problem(409, "invalid_state");
    }

    let reinstate = format!("{}/reinstate", member.path());
    assert_eq!(admin.post(&reinstate, &reason).await.expect(200).body["status"], "active");
    admin.post(&reinstate, &reason).await.expect_problem(409, "invalid_state");
    admin.post(&suspend, &reason).await.expect(200);
    admin.post(&reinstate, &reason).await.expect(200);
    try_log_in(&member.email, PASSWORD).await.expect(200);
    // A session that a suspension ended does not come back with the account.
    within_a_second(&client, "/facilities/current", |answer| answer.body["code"] == "session_ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_keeps_an_administrator_who_can_log_in() {
    let practice = Practice::new().await;
    let member = Member::hire(practice.client(Role::Admin), Role::Admin, "Roux").await;
    let admin = member.log_in().await;
    let lose = |client: Client, path: String| async move {
        let reason = json!({"reason": "Départ"});
        let suspended = client.post(&format!("{path}/suspend"), &reason).await;
        let role = json!({"role": "secretary", "reason": "Départ"});
        [suspended, client.post(&format!("{path}/role"), &role).await]
    };
    for refused in lose(admin.clone(), member.path()).await {
        let refused = refused.expect_problem(409, "invalid_state");
        assert!(refused.body["detail"].as_str().unwrap().contains("last active administrator"));
    }
    // Who is only invited does not count.
    let invited = admin.post("/users", &super::member(Role::Admin, "Diallo", "Mariam")).await.expect(201).body;
    for refused in lose(admin.clone(), member.path()).await {
        refused.expect_problem(409, "invalid_state");
    }
    super::accept(&invited, PASSWORD).await.expect(204);
    let role = json!({"role": "secretary", "reason": "Départ"});
    admin.post(&format!("{}/role", member.path()), &role).await.expect(200);
}
