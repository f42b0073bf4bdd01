use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice as TestPractice, patient};
use system_tests::server::{Answer, send};

use super::{Member, put, within_a_second};

const SETTINGS: &str = "/facilities/current/settings";

fn permissions_of(role: &str) -> String {
    format!("/facilities/current/permissions/{role}")
}

/// What a role may do by the default table, with one area replaced.
async fn with_area(practice: &TestPractice, role: &str, area: &str, read: bool, write: bool) -> Value {
    let admin = practice.client(Role::Admin);
    let facility = within_a_second(admin, "/facilities/current", |answer| answer.status == 200).await.body;
    let mut permissions = facility["permissions"][role].clone();
    permissions[area] = json!({"read": read, "write": write});
    json!({"permissions": permissions})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_shows_its_settings_and_what_each_role_may_do() {
    let practice = TestPractice::new().await;
    let shown = |answer: &Answer| answer.status == 200;
    let facility = within_a_second(practice.secretary(), "/facilities/current", shown).await;
    assert_eq!(facility.header("etag"), Some("\"1\""));
    assert_eq!(facility.body["settings"], json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": []}));
    let permissions = &facility.body["permissions"];
    for role in Role::ALL {
        assert_eq!(permissions[role.name()].as_object().unwrap().len(), 10, "{}", role.name());
    }
    assert_eq!(permissions["secretary"]["patients"], json!({"read": true, "write": true}));
    let known = practice.secretary().request(Method::GET, "/facilities/current").header("If-None-Match", "\"1\"");
    send(known).await.expect(304);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_replaced_under_the_version_that_was_read() {
    let practice = TestPractice::new().await;
    let admin = practice.client(Role::Admin);
    let body = json!({"idleTimeoutMinutes": 15, "mfaRequiredFor": ["dpo", "admin"], "reason": "Audit"});
    admin.put(SETTINGS, &body).await.expect_problem(428, "precondition_required");
    put(admin, SETTINGS, "\"2\"", &body).await.expect_problem(412, "stale_version");
    put(practice.secretary(), SETTINGS, "\"1\"", &body).await.expect_problem(403, "permission_denied");
    let changed = put(admin, SETTINGS, "\"1\"", &body).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!(changed.body["settings"], json!({"idleTimeoutMinutes": 15, "mfaRequiredFor": ["admin", "dpo"]}));
    // Read by somebody of whom no second factor is asked.
    assert_eq!(practice.secretary().get("/facilities/current").await.expect(200).body, changed.body);
    let elsewhere = TestPractice::new().await;
    let other = within_a_second(elsewhere.secretary(), "/facilities/current", |answer| answer.status == 200).await;
    assert_eq!(other.body["settings"]["idleTimeoutMinutes"], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_that_is_asked_for_is_set_up_before_anything_else() {
    let practice = TestPractice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let client = nurse.log_in().await;
    let body = json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": ["nurse"]});
    put(admin, SETTINGS, "*", &body).await.expect(200);
    let code = "second_factor_enrollment_required";
    within_a_second(&client, "/patients", |answer| answer.body["code"] == code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_settings_are_refused() {
    let practice = TestPractice::new().await;
    let admin = practice.client(Role::Admin);
    for (body, field) in [
        (json!({"idleTimeoutMinutes": 4, "mfaRequiredFor": []}), "idleTimeoutMinutes"),
        (json!({"idleTimeoutMinutes": 721, "mfaRequiredFor": []}), "idleTimeoutMinutes"),
        (json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": ["chef"]}), "mfaRequiredFor[0]"),
        (json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": ["dpo", "dpo"]}), "mfaRequiredFor[1]"),
        (json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": [], "reason": ""}), "reason"),
    ] {
        let refused = put(admin, SETTINGS, "*", &body).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.violated_fields(), [field]);
    }
    for body in [
        json!({"idleTimeoutMinutes": 30}),
        json!({"mfaRequiredFor": []}),
        json!({"idleTimeoutMinutes": "30", "mfaRequiredFor": []}),
        json!({"idleTimeoutMinutes": -1, "mfaRequiredFor": []}),
        json!({"idleTimeoutMinutes": 70_000, "mfaRequiredFor": []}),
        json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": null}),
        json!({"idleTimeoutMinutes": 30, "mfaRequiredFor": [], "name": "x"}),
    ] {
        put(admin, SETTINGS, "*", &body).await.expect_problem(400, "malformed_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_narrowed_within_a_second_in_the_sessions_there_are() {
    let practice = TestPractice::new().await;
    let admin = practice.client(Role::Admin);
    let secretary = Member::hire(admin, Role::Secretary, "Roux").await.log_in().await;
    secretary.post("/patients", &patient("Le Goff", "Zoé")).await.expect(201);
    let narrowed = with_area(&practice, "secretary", "patients", false, false).await;
    let path = permissions_of("secretary");
    admin.put(&path, &narrowed).await.expect_problem(428, "precondition_required");
    put(admin, &path, "\"9\"", &narrowed).await.expect_problem(412, "stale_version");
    put(practice.secretary(), &path, "*", &narrowed).await.expect_problem(403, "permission_denied");
    let changed = put(admin, &path, "\"1\"", &narrowed).await.expect(200);
    assert_eq!(changed.body["permissions"]["secretary"], narrowed["permissions"]);
    within_a_second(&secretary, "/patients", |answer| answer.body["code"] == "permission_denied").await;
    let may_not = json!({"read": false, "write": false});
    // Each process follows by itself.
    within_a_second(&secretary, "/auth/me", |me| me.body["permissions"]["patients"] == may_not).await;
    // Nobody else is.
    practice.client(Role::Nurse).get("/patients").await.expect(200);

    let widened = with_area(&practice, "secretary", "patients", true, false).await;
    put(admin, &path, "\"2\"", &widened).await.expect(200);
    within_a_second(&secretary, "/patients", |answer| answer.status == 200).await;
    secretary.post("/patients", &patient("Autre", "Nom")).await.expect_problem(403, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_no_practice_may_give_or_take_are_refused() {
    let practice = TestPractice::new().await;
    let admin = practice.client(Role::Admin);
    for (role, area, read, write, rule) in [
        ("doctor", "exports", true, false, "permission_out_of_bounds"),
        ("auditor", "medical_records", true, true, "permission_out_of_bounds"),
        ("dpo", "prescriptions", true, true, "permission_out_of_bounds"),
        ("admin", "users", true, false, "permission_out_of_bounds"),
        ("nurse", "patients", false, true, "write_without_read"),
    ] {
        let body = with_area(&practice, role, area, read, write).await;
        let refused = put(admin, &permissions_of(role), "*", &body).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.violated_fields(), [format!("permissions.{area}")]);
        assert_eq!(refused.body["violations"][0]["rule"], rule);
    }
    let mut body = with_area(&practice, "nurse", "patients", true, true).await;
    put(admin, &permissions_of("chef"), "*", &body).await.expect_problem(400, "invalid_parameter");
    body["permissions"].as_object_mut().unwrap().remove("audit");
    let refused = put(admin, &permissions_of("nurse"), "*", &body).await.expect_problem(400, "malformed_request");
    assert_eq!(refused.violated_fields(), ["permissions.audit"]);
    body["permissions"]["audit"] = json!({"read": false});
    put(admin, &permissions_of("nurse"), "*", &body).await.expect_problem(400, "malformed_request");
}
