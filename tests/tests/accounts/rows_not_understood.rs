//! Rows of `accounts` that this release does not understand: a newer release wrote them, or a hand did. Each closes the one
//! account, session or practice that it speaks of. Everything else goes on, and operators are told.

use std::num::NonZeroUsize;
use std::sync::Arc;

use accounts::Auth;
use accounts::passwords::Passwords;
use commands::CommandContext;
use domain::facility::FacilityCommand;
use domain::ids::UserId;
use domain::permissions::Permissions;
use domain::role::{Access, Area, Role};
use embedded_servers::ScratchDir;
use event_store_schema::health::Finding;
use event_store_schema::tasks::Tasks;
use jiff::SignedDuration;
use serde_json::Value;
use system_tests::house::{House, open_practice};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Answer, Client, Server};
use system_tests::staff::within_a_second;
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a newer release might write of a practice, in the columns `settings` and `permissions`.
const PRACTICES: [(&str, &str); 5] = [
    ("{}", r#"{"healer": {"patients": {"read": true, "write": true}}}"#),
    ("{}", r#"["healer"]"#),
    ("{}", r#"{"doctor": "everything"}"#),
    (r#"{"mfaRequiredFor": ["healer"]}"#, "{}"),
    (r#"{"idleTimeoutMinutes": "healer"}"#, "{}"),
];

/// What a newer release might write of an account or a session. The first lifts the checks that today's tables have.
const LIFT_CHECKS: &str = "ALTER TABLE accounts.credentials DROP CONSTRAINT credentials_role_check;
    ALTER TABLE accounts.credentials DROP CONSTRAINT credentials_status_check";
const UNKNOWN_ROLE: &str = "UPDATE accounts.credentials SET role = 'healer' WHERE facility_id = $1 AND role = 'doctor'";
const UNKNOWN_STATUS: &str =
    "UPDATE accounts.credentials SET status = 'healer' WHERE facility_id = $1 AND role = 'nurse'";
const UNKNOWN_SESSION: &str = "UPDATE accounts.sessions SET expires_at = 'infinity' FROM accounts.credentials c
    WHERE sessions.user_id = c.user_id AND c.facility_id = $1 AND c.role = 'admin'";
/// A key that only verifies, so that it is not the one that signs.
const UNKNOWN_KEY: &str = "INSERT INTO accounts.signing_keys
      (kid, secret_name, public_key, not_before, sign_until, verify_until)
    VALUES ('k4.pid.newer', 'a secret of a newer release', decode(repeat('00', 32), 'hex'), now(), now(), 'infinity')";

async fn owner(server: &Server) -> tokio_postgres::Client {
    let (client, connection) = Underneath::of(server).owner.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// As an administrator's decision on a server of another release.
async fn decide(server: &Server, practice: &Practice, settings: &str, permissions: &str) {
    let statement = "INSERT INTO accounts.practices (facility_id, settings, permissions)
        VALUES ($1, $2::text::jsonb, $3::text::jsonb)
        ON CONFLICT (facility_id) DO UPDATE SET settings = excluded.settings, permissions = excluded.permissions";
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&practice.facility_id.0, &settings, &permissions];
    owner(server).await.execute(statement, &parameters).await.unwrap();
}

async fn write(server: &Server, statement: &str, practice: &Practice) {
    assert_eq!(owner(server).await.execute(statement, &[&practice.facility_id.0]).await.unwrap(), 1, "{statement}");
}

async fn refused_within_a_second(client: &Client, status: u16, code: &str) {
    within_a_second(client, "/patients", |answer| answer.status != 200).await.expect_problem(status, code);
}

async fn let_in_within_a_second(client: &Client) {
    within_a_second(client, "/patients", |answer| answer.status == 200).await;
}

async fn readiness(server: &Server) -> Answer {
    Client::anonymous(server).get("/health/ready").await.expect(200)
}

/// What `health/ready` says of rows that are not understood; none if all is well.
async fn told_of_rows(server: &Server) -> Option<String> {
    let answer = readiness(server).await.body;
    let check = answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == "accounts").unwrap().clone();
    assert_eq!(check["ok"] == false, answer["status"] == "degraded", "{answer}");
    check["detail"].as_str().map(str::to_owned)
}

async fn metrics(server: &Server) -> String {
    reqwest::get(&server.report.metrics_url).await.unwrap().text().await.unwrap()
}

/// Ends a session as another server does, and expects that this one takes it up.
async fn sessions_that_end_elsewhere_are_over_here(server: &Server, practice: &Practice, role: Role) {
    let client = practice.client(role);
    let listed = client.get("/auth/sessions").await.expect(200).body;
    let current = listed["sessions"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    let session: Uuid = current["id"].as_str().unwrap().parse().unwrap();
    let end = "UPDATE accounts.sessions SET ended_at = now(), end_reason = 'revoked' WHERE session_id = $1";
    owner(server).await.execute(end, &[&session]).await.unwrap();
    refused_within_a_second(client, 401, "session_ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_whose_row_is_not_understood_is_closed_and_everything_else_goes_on() {
    let folder = ScratchDir::new("rows").unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let (strange, other) = (Practice::in_server(&server).await, Practice::in_server(&server).await);
    let_in_within_a_second(strange.secretary()).await;
    assert_eq!(told_of_rows(&server).await, None);

    for (settings, permissions) in PRACTICES {
        decide(&server, &strange, settings, permissions).await;
        refused_within_a_second(strange.secretary(), 503, "not_ready").await;
        other.secretary().get("/patients").await.expect(200);
        assert_eq!(
            told_of_rows(&server).await.as_deref(),
            Some("1 row of accounts.practices is not understood, and what it speaks of is closed")
        );
        decide(&server, &strange, "{}", "{}").await;
        let_in_within_a_second(strange.secretary()).await;
        assert_eq!(told_of_rows(&server).await, None);
    }

    decide(&server, &strange, PRACTICES[0].0, PRACTICES[0].1).await;
    refused_within_a_second(strange.secretary(), 503, "not_ready").await;
    sessions_that_end_elsewhere_are_over_here(&server, &other, Role::Nurse).await;
    let told = metrics(&server).await;
    assert!(told.contains(r#"rows_not_understood{table="accounts.practices"} 1"#), "{told}");
    assert!(server.log().contains("a row is not understood"));

    // A restart finds the row before anybody is let in.
    let endpoint = server.report.url.clone();
    assert!(server.stop());
    let server = Server::start(&data, &[]);
    let at_new_door = |client: &Client| client.of(&server.report.url);
    assert_ne!(endpoint, server.report.url);
    at_new_door(strange.secretary()).get("/patients").await.expect_problem(503, "not_ready");
    at_new_door(other.secretary()).get("/patients").await.expect(200);
    assert!(told_of_rows(&server).await.is_some());
    assert!(!server.log().contains("healer"), "the content of a row is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_session_or_key_whose_row_is_not_understood_is_closed_alone() {
    let folder = ScratchDir::new("rows").unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let practice = Practice::in_server(&server).await;
    for role in Role::ALL {
        within_a_second(practice.client(role), "/auth/me", |answer| answer.status == 200).await;
    }
    owner(&server).await.batch_execute(LIFT_CHECKS).await.unwrap();

    write(&server, UNKNOWN_ROLE, &practice).await;
    refused_within_a_second(practice.client(Role::Doctor), 503, "not_ready").await;
    write(&server, UNKNOWN_STATUS, &practice).await;
    refused_within_a_second(practice.client(Role::Nurse), 503, "not_ready").await;
    write(&server, UNKNOWN_SESSION, &practice).await;
    refused_within_a_second(practice.client(Role::Admin), 401, "session_ended").await;
    owner(&server).await.batch_execute(UNKNOWN_KEY).await.unwrap();
    sessions_that_end_elsewhere_are_over_here(&server, &practice, Role::Auditor).await;
    practice.secretary().get("/patients").await.expect(200);

    assert!(server.stop());
    let server = Server::start(&data, &[]);
    let at_new_door = |role| practice.client(role).of(&server.report.url);
    at_new_door(Role::Doctor).get("/patients").await.expect_problem(503, "not_ready");
    at_new_door(Role::Nurse).get("/patients").await.expect_problem(503, "not_ready");
    at_new_door(Role::Admin).get("/patients").await.expect_problem(401, "session_ended");
    at_new_door(Role::Auditor).get("/patients").await.expect_problem(401, "session_ended");
    at_new_door(Role::Secretary).get("/patients").await.expect(200);
    assert_eq!(
        told_of_rows(&server).await.as_deref(),
        Some(
            "2 rows of accounts.credentials, 1 row of accounts.sessions and 1 row of accounts.signing_keys are not \
             understood, and what they speak of is closed"
        )
    );
    assert!(!server.log().contains("healer"), "the content of a row is not told");

    // Whose account is not understood does not get in by logging in either, and is not told apart from others.
    let demo = &server.report.accounts[0];
    let door = Client::anonymous(&server);
    let of_the_demo = "UPDATE accounts.credentials SET role = 'healer' WHERE facility_id = $1 AND role = 'doctor'";
    let me: Value = door.log_in(&demo.email, &demo.password).await.get("/auth/me").await.expect(200).body;
    assert_eq!((demo.role.as_str(), me["role"].as_str()), ("doctor", Some("doctor")));
    let facility: Uuid = me["facility_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(owner(&server).await.execute(of_the_demo, &[&facility]).await.unwrap(), 1);
    let credentials = serde_json::json!({"email": demo.email, "password": demo.password});
    door.post("/auth/login", &credentials).await.expect_problem(401, "invalid_credentials");
}

/// As far as one server lets users in.
async fn open_accounts(house: &House) -> Auth {
    let passwords = Arc::new(Passwords::start(NonZeroUsize::MIN, 1).unwrap());
    let tasks = Tasks::new(CancellationToken::new());
    Auth::open(house.open_commands().await, passwords, SignedDuration::from_mins(15), &tasks).await.unwrap()
}

async fn change_event(house: &House, from: &str, to: &str) {
    let owner = house.owner_client().await;
    owner.batch_execute("ALTER TABLE log.events DISABLE TRIGGER append_only").await.unwrap();
    let change = "UPDATE log.events SET payload = replace(payload::text, $1, $2)::jsonb
        WHERE event_type = 'RolePermissionsChanged'";
    assert_eq!(owner.execute(change, &[&from, &to]).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_whose_event_is_not_understood_is_closed_until_a_release_understands_it() {
    let house = House::new().await;
    accounts::account::migrate(&house.owner).await.unwrap();
    let commands = house.open_commands().await;
    let (strange, other) = (open_practice(&commands).await, open_practice(&commands).await);
    let permissions = Permissions::default_of(Role::Doctor).with(Area::Consents, Access::None);
    let decision = FacilityCommand::ChangeRolePermissions { role: Role::Doctor, permissions };
    commands.change_facility(&decision, &CommandContext::system(strange)).await.unwrap();
    change_event(&house, "\"doctor\"", "\"healer\"").await;

    // Twice: a server that starts later does not pass over it either.
    for _ in 0..2 {
        let accounts = open_accounts(&house).await;
        assert!(accounts.state().is_closed(UserId(Uuid::nil()), strange));
        assert!(!accounts.state().is_closed(UserId(Uuid::nil()), other));
        let told = "1 row of accounts.unread_events is not understood, and what it speaks of is closed".to_owned();
        assert_eq!(accounts.state().not_understood().finding(), Finding::Degraded(told));
    }

    change_event(&house, "\"healer\"", "\"doctor\"").await;
    let accounts = open_accounts(&house).await;
    assert!(!accounts.state().is_closed(UserId(Uuid::nil()), strange));
    assert_eq!(accounts.state().permissions(strange, Role::Doctor), permissions, "the event was copied late, not lost");
    assert_eq!(accounts.state().not_understood().finding(), Finding::Good);
}
