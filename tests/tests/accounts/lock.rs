//! A lock slows down who guesses, and not the owner of the account.

use domain::ids::StreamVersion;
use domain::role::Role;
use embedded_servers::ScratchDir;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Answer, Client, Server, send};
use system_tests::staff::{Member, PASSWORD};
use uuid::Uuid;

const HOME: &str = "192.0.2.1";
const STRANGER: &str = "198.51.100.7";
const ELSEWHERE: &str = "203.0.113.9";
const OTHER_PASSWORD: &str = "trois phares et une bouée";

/// A server that believes where a request says it comes from, and a nurse who logged in at home once.
struct House {
    server: Server,
    practice: Practice,
    nurse: Member,
    device: Value,
    _folder: ScratchDir,
}

impl House {
    async fn open() -> Self {
        let folder = ScratchDir::new("lock").unwrap();
        let server = Server::start(&folder.path().join("data"), &["--trusted-proxies", "127.0.0.0/8"]);
        let practice = Practice::in_server(&server).await;
        let nurse = Member::hire(practice.client(Role::Admin), Role::Nurse, "Diallo").await;
        let mut house = Self { server, practice, nurse, device: Value::Null, _folder: folder };
        house.device = house.log_in(HOME, PASSWORD).await.expect(200).body["device_token"].clone();
        assert!(house.device.is_string());
        house
    }

    fn door(&self) -> Client {
        Client::anonymous(&self.server)
    }

    async fn post(&self, from: &str, path: &str, body: &Value) -> Answer {
        send(self.door().request(Method::POST, path).header("X-Forwarded-For", from).json(body)).await
    }

    async fn log_in(&self, from: &str, password: &str) -> Answer {
        self.post(from, "/auth/login", &json!({"email": self.nurse.email, "password": password})).await
    }

    /// A stranger guesses until the account is locked for everybody who is new.
    async fn lock(&self) {
        for _ in 0..5 {
            self.log_in(STRANGER, "wrong").await.expect_problem(401, "invalid_credentials");
        }
        for new in [STRANGER, "203.0.113.200"] {
            self.log_in(new, PASSWORD).await.expect_problem(429, "too_many_attempts");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_known_is_not_locked_out_wherever_it_is() {
    let house = House::open().await;
    house.lock().await;
    house.log_in(ELSEWHERE, PASSWORD).await.expect_problem(429, "too_many_attempts");
    let mut body = json!({"email": house.nurse.email, "password": PASSWORD, "device_token": house.device});
    let answer = house.post(ELSEWHERE, "/auth/login", &body).await.expect(200);
    assert_eq!(answer.body["device_token"], house.device, "a device keeps its token");
    house.log_in(HOME, PASSWORD).await.expect(200);
    house.post(HOME, "/auth/login", &body).await.expect(200);

    // It is no device of a colleague.
    let colleague = Member::hire(house.practice.client(Role::Admin), Role::Nurse, "Roux").await;
    body["email"] = json!(colleague.email);
    body["password"] = json!("wrong");
    for _ in 0..5 {
        house.post(STRANGER, "/auth/login", &body).await.expect(401);
    }
    house.post(STRANGER, "/auth/login", &body).await.expect_problem(429, "too_many_attempts");
    body["device_token"] = json!("mpd_nonsense");
    house.post(STRANGER, "/auth/login", &body).await.expect_problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_lifts_the_lock_and_the_usual_place_stays_known() {
    let house = House::open().await;
    house.lock().await;
    let reset = format!("{}/password-reset", house.nurse.path());
    let link = house.practice.client(Role::Admin).post(&reset, &Value::Null).await.expect(200).body;
    let chosen = json!({"token": link["link"]["token"], "newPassword": OTHER_PASSWORD});
    house.post(ELSEWHERE, "/auth/password/accept", &chosen).await.expect(204);
    house.log_in("203.0.113.50", OTHER_PASSWORD).await.expect(200);

    house.lock().await;
    for known in [HOME, ELSEWHERE] {
        house.log_in(known, OTHER_PASSWORD).await.expect(200);
    }

    // And so does a password that its owner changes, at whatever place.
    let session = house.log_in(HOME, OTHER_PASSWORD).await.expect(200).body;
    let session = house.door().with_token(session["access_token"].as_str().unwrap());
    let change = json!({"currentPassword": OTHER_PASSWORD, "newPassword": PASSWORD});
    let changing = session.request(Method::POST, "/auth/password").header("X-Forwarded-For", "203.0.113.70");
    send(changing.json(&change)).await.expect(204);
    house.log_in("203.0.113.80", PASSWORD).await.expect(200);
    house.lock().await;
    for known in [HOME, ELSEWHERE, "203.0.113.70"] {
        house.log_in(known, PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_lifts_a_lock_and_the_log_says_who() {
    let house = House::open().await;
    house.lock().await;
    let unlock = format!("{}/unlock", house.nurse.path());
    house.practice.client(Role::Nurse).post(&unlock, &Value::Null).await.expect_problem(403, "permission_denied");
    let nobody = format!("/users/{}/unlock", Uuid::now_v7());
    let admin = house.practice.client(Role::Admin);
    admin.post(&nobody, &Value::Null).await.expect_problem(404, "resource_not_found");
    let answer = admin.post(&unlock, &Value::Null).await.expect(200);
    assert_eq!(answer.body["id"], house.nurse.user["id"]);
    house.log_in(ELSEWHERE, PASSWORD).await.expect(200);

    let log = Underneath::of(&house.server).open_log().await;
    let stream = format!("user-{}", house.nurse.id()).parse().unwrap();
    let events = log.load(&stream, StreamVersion::ZERO).await.unwrap();
    let lifted = events.iter().find(|event| event.event_type == "AccountUnlocked").expect("an event");
    assert_eq!(lifted.metadata.actor.role, Some(Role::Admin));
    assert_eq!(answer.header("event-position"), Some(lifted.position.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_on_accounts_that_do_not_exist_lock_out_no_colleague_at_the_same_address() {
    let house = House::open().await;
    for number in 0..25 {
        let body = json!({"email": format!("personne{number}@exemple.fr"), "password": "wrong"});
        house.post(ELSEWHERE, "/auth/login", &body).await.expect_problem(401, "invalid_credentials");
    }
    house.log_in(ELSEWHERE, PASSWORD).await.expect(200);
}
