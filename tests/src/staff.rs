//! Members of staff as a practice gets them: registered by an administrator, invited, and logged in with a session of their
//! own.

use std::time::{Duration, Instant};

use domain::role::Role;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::practice::Underneath;
use crate::server::{Answer, Client, Server};

/// The password of all of them.
pub const PASSWORD: &str = "cerf volant sur la jetée";
/// A made-up RPPS number.
pub const RPPS: &str = "10002909371";
/// That long a decision may take to reach every server.
pub const A_SECOND: Duration = Duration::from_secs(1);

/// An address that nobody else has.
pub fn email() -> String {
    format!("{}@exemple.fr", Uuid::now_v7().simple())
}

/// A made-up member of staff with nothing but what is required.
pub fn member(role: Role, last_name: &str, first_name: &str) -> Value {
    let mut member = json!({"role": role.name(), "lastName": last_name, "firstName": first_name, "email": email()});
    if role == Role::Doctor {
        member["rppsNumber"] = json!(RPPS);
    }
    member
}

/// A member of staff who was registered, accepted the invitation, and can log in.
pub struct Member {
    /// What the registration answered.
    pub user: Value,
    /// By which they log in.
    pub email: String,
    door: Client,
}

impl Member {
    /// Registers and invites a member of staff, who chooses [`PASSWORD`].
    pub async fn hire(admin: &Client, role: Role, last_name: &str) -> Self {
        let body = member(role, last_name, "Maë");
        let registered = admin.post("/users", &body).await.expect(201).body;
        let door = admin.signed_out();
        accept(&door, &registered, PASSWORD).await.expect(204);
        Self { user: registered["user"].clone(), email: body["email"].as_str().expect("it has one").to_owned(), door }
    }

    /// Their id.
    pub fn id(&self) -> &str {
        self.user["id"].as_str().expect("every user has one")
    }

    /// Where they are read.
    pub fn path(&self) -> String {
        format!("/users/{}", self.id())
    }

    /// A new session of theirs.
    pub async fn log_in(&self) -> Client {
        self.door.log_in(&self.email, PASSWORD).await
    }
}

/// As if the sessions of this user of the shared server had proved long ago who they are.
pub async fn age_proofs(user: &str) {
    let owner = Underneath::of(Server::shared()).owner;
    let (database, connection) = owner.connect(NoTls).await.expect("the database");
    tokio::spawn(connection);
    let user: Uuid = user.parse().expect("an id");
    let age = "UPDATE accounts.sessions SET stepped_up_at = now() - interval '6 minutes' WHERE user_id = $1";
    database.execute(age, &[&user]).await.expect("their sessions");
}

/// Chooses a password by the link of this answer.
pub async fn accept(door: &Client, invitation: &Value, password: &str) -> Answer {
    let body = json!({"token": invitation["link"]["token"], "newPassword": password});
    door.post("/auth/password/accept", &body).await
}

/// Asks until the answer is like this, for at most a second.
pub async fn within_a_second(client: &Client, path: &str, expected: impl Fn(&Answer) -> bool) -> Answer {
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
