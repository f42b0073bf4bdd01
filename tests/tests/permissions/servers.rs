//! What an administrator decides on one server holds on another within a second.

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::fleet::Fleet;
use system_tests::practice::patient;
use system_tests::server::{Client, send};
use system_tests::staff::{A_SECOND, Member, within_a_second};

use super::id;
use super::table::{Rights, as_json, rights_of};

async fn permit(admin: &Client, role: Role, rights: &Rights) {
    let request = admin.request(Method::PUT, &format!("/facilities/current/permissions/{}", role.name()));
    send(request.header("If-Match", "*").json(&json!({"permissions": as_json(rights)}))).await.expect(200);
}

async fn code_within_a_second(client: &Client, path: &str, code: &str) {
    within_a_second(client, path, |answer| answer.body["code"] == code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_of_an_administrator_holds_on_every_server_within_a_second() {
    let fleet = Fleet::start(2).await;
    let practice = fleet.open_practice().await;
    let admin = practice.client(Role::Admin);
    let secretary = Member::hire(admin, Role::Secretary, "Roux").await;
    let here = secretary.log_in().await;
    let there = here.of(fleet.url(1));
    for server in [&here, &there] {
        server.get("/patients").await.expect(200);
        server.get("/audit/access").await.expect_problem(403, "permission_denied");
    }

    // Narrowed and widened, and back; each is asked of the other server first.
    let mut rights = rights_of(Role::Secretary);
    rights.extend([("patients", "-"), ("audit", "r")]);
    permit(admin, Role::Secretary, &rights).await;
    code_within_a_second(&there, "/patients", "permission_denied").await;
    there.get("/audit/access").await.expect(200);
    permit(&admin.of(fleet.url(1)), Role::Secretary, &rights_of(Role::Secretary)).await;
    within_a_second(&here, "/patients", |answer| answer.status == 200).await;
    here.get("/audit/access").await.expect_problem(403, "permission_denied");
    here.post("/patients", &patient("Le Goff", "Zoé")).await.expect(201);

    // Another role, in the session there is.
    let role = |role: Role| json!({"role": role.name(), "reason": "Essai"});
    admin.post(&format!("{}/role", secretary.path()), &role(Role::Auditor)).await.expect(200);
    within_a_second(&there, "/audit/access", |answer| answer.status == 200).await;
    there.post("/patients", &patient("Autre", "Nom")).await.expect_problem(403, "permission_denied");
    admin.post(&format!("{}/role", secretary.path()), &role(Role::Secretary)).await.expect(200);
    code_within_a_second(&there, "/audit/access", "permission_denied").await;

    // A session that an administrator ends, and no other.
    let kept = secretary.log_in().await.of(fleet.url(1));
    let sessions = admin.get(&format!("{}/sessions", secretary.path())).await.expect(200).body;
    let first: &Value = sessions["items"].as_array().unwrap().last().unwrap();
    admin.delete(&format!("{}/sessions/{}", secretary.path(), id(first))).await.expect(204);
    code_within_a_second(&there, "/patients", "session_ended").await;
    kept.get("/patients").await.expect(200);

    // Somebody who is suspended; and who comes back has to log in.
    let reason = json!({"reason": "Essai"});
    admin.post(&format!("{}/suspend", secretary.path()), &reason).await.expect(200);
    code_within_a_second(&kept, "/patients", "session_ended").await;
    admin.post(&format!("{}/reinstate", secretary.path()), &reason).await.expect(200);
    // Until the rows that a login reads have followed the log.
    tokio::time::sleep(A_SECOND).await;
    secretary.log_in().await.of(fleet.url(1)).get("/patients").await.expect(200);
    kept.get("/patients").await.expect_problem(401, "session_ended");
}
