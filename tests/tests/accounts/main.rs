//! Sessions over several servers: each of the processes can die, and what one of them decided the others respect within a
//! second.

use std::time::{Duration, Instant};

use api::auth::one_time_links::{LinkPurpose, OneTimeLinks};
use api::auth::signing_keys::SigningKeys;
use commands::{CommandContext, Commands};
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
    let accepted = json!({"token": *link.token, "new_password": PASSWORD});
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
    let keys = SigningKeys::new(commands.log().clone());
    keys.rotate().await.unwrap();
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
