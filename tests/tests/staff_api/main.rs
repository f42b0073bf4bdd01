//! Staff, their accounts and the practice's settings through the HTTP interface of a real server.

mod accounts;
mod changing;
mod isolation;
mod lists;
mod practice;
mod registering;
mod validation;

use std::time::{Duration, Instant};

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::{Answer, Client, Server, send};
use uuid::Uuid;

const PASSWORD: &str = "cerf volant sur la jetée";
/// That long a decision may take to reach every server.
const A_SECOND: Duration = Duration::from_secs(1);
const RPPS: &str = "10002909371";

/// An address that nobody else has.
fn email() -> String {
    format!("{}@exemple.fr", Uuid::now_v7().simple())
}

/// A made-up member of staff with nothing but what is required.
fn member(role: Role, last_name: &str, first_name: &str) -> Value {
    let mut member = json!({"role": role.name(), "lastName": last_name, "firstName": first_name, "email": email()});
    if role == Role::Doctor {
        member["rppsNumber"] = json!(RPPS);
    }
    member
}

/// The same without the role, as it is revised.
fn details(member: &Value) -> Value {
    let mut details = member.clone();
    details.as_object_mut().unwrap().remove("role");
    details
}

fn path(user: &Value) -> String {
    format!("/users/{}", user["id"].as_str().unwrap())
}

/// Somebody who was registered, accepted the invitation, and can log in.
struct Member {
    user: Value,
    email: String,
}

impl Member {
    async fn hire(admin: &Client, role: Role, last_name: &str) -> Self {
        let body = member(role, last_name, "Maë");
        let registered = admin.post("/users", &body).await.expect(201).body;
        accept(&registered, PASSWORD).await.expect(204);
        Self { user: registered["user"].clone(), email: body["email"].as_str().unwrap().to_owned() }
    }

    fn path(&self) -> String {
        path(&self.user)
    }

    async fn log_in(&self) -> Client {
        Client::anonymous(Server::shared()).log_in(&self.email, PASSWORD).await
    }
}

/// Chooses a password by the link of this answer.
async fn accept(answer: &Value, password: &str) -> Answer {
    let body = json!({"token": answer["link"]["token"], "new_password": password});
    Client::anonymous(Server::shared()).post("/auth/password/accept", &body).await
}

async fn try_log_in(email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    Client::anonymous(Server::shared()).post("/auth/login", &body).await
}

async fn put(client: &Client, path: &str, version: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, path).header("If-Match", version).json(body)).await
}

/// Asks until the answer is like this, for at most a second.
async fn within_a_second(client: &Client, path: &str, expected: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = client.get(path).await;
        if expected(&answer) {
            return answer;
        }
        assert!(began.elapsed() < A_SECOND, "after a second: {} {}", answer.status, answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
