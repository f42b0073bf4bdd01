//! Sessions over several servers: each of the processes can die, and what one of them decided the others respect within a
//! second.

mod lock;
mod password_mail;
mod rows_not_understood;

use std::time::{Duration, Instant};

use accounts::one_time_links::{LinkPurpose, OneTimeLinks};
use commands::{CommandContext, Commands};
use domain::facility::{FacilityCommand, FacilitySettings};
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use domain::user::{Profession, Profile, UserCommand, UserDetails};
use domain::values::{EmailAddress, FirstName, LastName, TextValue};
use serde_json::{Value, json};
use system_tests::fleet::{Door, Fleet};
use system_tests::house::open_practice;
use system_tests::server::{Answer, Client};
use uuid::Uuid;

const EMAIL: &str = "mariam.diallo@exemple.fr";
const PASSWORD: &str = "cerf volant sur la jetée";

/// Invites a secretary, who chooses a password by the link.
async fn invite(fleet: &Fleet) -> (Commands, FacilityId, UserId) {
    let log = fleet.open_log().await;
    let commands = Commands::new(log.clone());
    let facility = open_practice(&commands).await;
    let user = UserId(Uuid::now_v7());
    let details = UserDetails {
        profile: Profile {
            last_name: LastName::parse("Diallo").unwrap(),
            first_name: FirstName::parse("Mariam").unwrap(),
            email: EmailAddress::parse(EMAIL).unwrap(),
            phone: None,
        },
        profession: Profession::default(),
    };
    commands.register_user(user, Role::Secretary, &details, &CommandContext::system(facility)).await.unwrap();
    // The servers make the account when they read of the registration.
    let links = OneTimeLinks::new(log.database().clone());
    let began = Instant::now();
    let link = loop {
        match links.make(user, LinkPurpose::Invitation).await {
            Ok(link) => break link,
            Err(error) if began.elapsed() > Duration::from_secs(5) => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let accepted = json!({"token": *link.token, "newPassword": PASSWORD});
    Client::at(&fleet.url(1)).post("/auth/password/accept", &accepted).await.expect(204);
    (commands, facility, user)
}

async fn log_in(fleet: &Fleet, server: usize) -> Answer {
    let body = json!({"email": EMAIL, "password": PASSWORD});
    Client::at(&fleet.url(server)).post("/auth/login", &body).await.expect(200)
}

async fn refresh(fleet: &Fleet, server: usize, tokens: &Value) -> Answer {
    Client::at(&fleet.url(server)).post("/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await
}

fn client(fleet: &Fleet, server: usize, tokens: &Value) -> Client {
    Client::at(&fleet.url(server)).with_token(tokens["access_token"].as_str().unwrap())
}

async fn refused_within_a_second(fleet: &Fleet, tokens: &Value) {
    let began = Instant::now();
    for server in 0..fleet.len() {
        let client = client(fleet, server, tokens);
        loop {
            let answer = client.get("/patients").await;
            if answer.status != 200 {
                answer.expect_problem(401, "session_ended");
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(1), "server {server} still lets in after a second");
        }
    }
}

/// The footer of the access token: which key verifies it.
fn kid_of(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap().rsplit('.').next().unwrap()
}

/// Starts both servers anew, as if the sessions had last been used so many seconds ago.
async fn after_a_pause(fleet: &Fleet, seconds: i32) {
    for server in 0..fleet.len() {
        assert!(fleet.stop_server(server).await);
    }
    let pause = "UPDATE accounts.sessions SET last_seen_at = now() - make_interval(secs => $1::int)";
    fleet.owner_client().await.unwrap().execute(pause, &[&seconds]).await.unwrap();
    for server in 0..fleet.len() {
        fleet.start_server(server, Door::New).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_uses_ends_on_every_server_after_the_time_that_the_practice_says() {
    let fleet = Fleet::start(2).await;
    let (commands, facility, _) = invite(&fleet).await;
    let settings = FacilitySettings { idle_timeout_minutes: 5, ..FacilitySettings::default() };
    let change = FacilityCommand::ChangeSettings { settings };
    commands.change_facility(&change, &CommandContext::system(facility)).await.unwrap();
    let (used, unused) = (log_in(&fleet, 0).await.body, log_in(&fleet, 1).await.body);

    after_a_pause(&fleet, 240).await;
    client(&fleet, 0, &used).get("/patients").await.expect(200);
    // What was used on one server was used for all of them, also when that one has stopped.
    assert!(fleet.stop_server(0).await);
    let owner = fleet.owner_client().await.unwrap();
    let seen = "SELECT count(*) FROM accounts.sessions WHERE last_seen_at > now() - interval '2 minutes'";
    assert_eq!(owner.query_one(seen, &[]).await.unwrap().get::<_, i64>(0), 1);
    fleet.start_server(0, Door::New).await;
    let used = refresh(&fleet, 1, &used).await.expect(200).body;

    after_a_pause(&fleet, 310).await;
    for tokens in [&used, &unused] {
        for server in 0..2 {
            client(&fleet, server, tokens).get("/patients").await.expect_problem(401, "session_ended");
            refresh(&fleet, server, tokens).await.expect_problem(401, "session_ended");
        }
    }
    log_in(&fleet, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_servers_and_keys_and_end_everywhere_at_once() {
    let fleet = Fleet::start(2).await;
    let (commands, facility, user) = invite(&fleet).await;

    // A switch of server, a crash, a restart.
    let first = log_in(&fleet, 0).await.body;
    fleet.kill_server(0).await;
    let second = refresh(&fleet, 1, &first).await.expect(200).body;
    fleet.start_server(0, Door::New).await;
    client(&fleet, 0, &first).get("/patients").await.expect(200);
    client(&fleet, 0, &second).get("/patients").await.expect(200);

    // A rotation of keys.
    fleet.operate(&["rotate-signing-key"]).await;
    let owner = fleet.owner_client().await.unwrap();
    let due = "UPDATE accounts.signing_keys SET not_before = least(not_before, now()),
                 sign_until = CASE WHEN not_before <= now() THEN now() ELSE sign_until END";
    owner.batch_execute(due).await.unwrap();
    fleet.kill_server(0).await;
    fleet.start_server(0, Door::New).await;
    let third = refresh(&fleet, 0, &second).await.expect(200).body;
    for server in 0..2 {
        for tokens in [&second, &third] {
            client(&fleet, server, tokens).get("/patients").await.expect(200);
        }
    }
    assert_ne!(kid_of(&second), kid_of(&third), "the next key signs");

    // Keys that were disclosed: their tokens are void, and nobody has to log in again.
    fleet.operate(&["rotate-signing-key", "--revoke"]).await;
    for server in 0..2 {
        fleet.kill_server(server).await;
        fleet.start_server(server, Door::New).await;
        client(&fleet, server, &third).get("/patients").await.expect_problem(401, "invalid_token");
    }
    let third = refresh(&fleet, 0, &third).await.expect(200).body;
    for server in 0..2 {
        client(&fleet, server, &third).get("/patients").await.expect(200);
    }

    // A hundred refreshes at once leave one family.
    let refreshes = (0..100).map(|number| refresh(&fleet, number % 2, &third));
    let answers = futures_util::future::join_all(refreshes).await;
    let fourth = answers[0].body.clone();
    assert!(answers.into_iter().all(|answer| answer.expect(200).body == fourth));

    // A stolen token dies at its second use, and the family with it.
    refresh(&fleet, 0, &first).await.expect_problem(401, "session_ended");
    refresh(&fleet, 1, &fourth).await.expect_problem(401, "session_ended");
    refused_within_a_second(&fleet, &fourth).await;

    // A session that is ended on one server is over on all of them.
    let tokens = log_in(&fleet, 0).await.body;
    client(&fleet, 1, &tokens).get("/patients").await.expect(200);
    client(&fleet, 0, &tokens).post("/auth/logout", &json!({})).await.expect(204);
    refused_within_a_second(&fleet, &tokens).await;

    // And so is everything of a user who is suspended.
    let tokens = log_in(&fleet, 1).await.body;
    client(&fleet, 0, &tokens).get("/patients").await.expect(200);
    commands.change_user(user, &UserCommand::SuspendUser, &CommandContext::system(facility)).await.unwrap();
    refused_within_a_second(&fleet, &tokens).await;
    refresh(&fleet, 0, &tokens).await.expect_problem(401, "session_ended");
}
