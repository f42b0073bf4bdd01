//! Staff, their accounts and the practice's settings: through the HTTP interface of a real server, and in [`log`] on the log
//! below.

mod accounts;
mod changing;
mod isolation;
mod lists;
mod log;
mod practice;
mod registering;
mod validation;

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::{Answer, Client, Server, send};
use system_tests::staff;
use system_tests::staff::{Member, PASSWORD, RPPS, email, member, within_a_second};

/// A member of staff without the role, as it is revised.
fn details(member: &Value) -> Value {
    let mut details = member.clone();
    details.as_object_mut().unwrap().remove("role");
    details
}

fn path(user: &Value) -> String {
    format!("/users/{}", user["id"].as_str().unwrap())
}

/// Chooses a password by the link of this answer.
async fn accept(answer: &Value, password: &str) -> Answer {
    staff::accept(&Client::anonymous(Server::shared()), answer, password).await
}

async fn try_log_in(email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    Client::anonymous(Server::shared()).post("/auth/login", &body).await
}

async fn put(client: &Client, path: &str, version: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, path).header("If-Match", version).json(body)).await
}
