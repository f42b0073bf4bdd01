//! A practice of a test's own in a running server. It holds nothing of other tests, and has a member of every role.

use std::collections::HashMap;
use std::time::Duration;

use accounts::account::{Account, Accounts, LoginHash};
use accounts::member::Member;
use accounts::refresh_token::RefreshTokenChain;
use accounts::sessions::{ClientPlace, Sessions};
use accounts::tokens::AccessTokens;
use commands::Commands;
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use domain::upcasting::Upcasters;
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::open_practice;
use crate::server::{Client, Server};

/// Longer than any drill: its clients never log in again.
const TOKEN_LIFETIME: jiff::SignedDuration = jiff::SignedDuration::from_hours(12);

/// A practice and who works in it.
pub struct Practice {
    /// Its id.
    pub facility_id: FacilityId,
    clients: HashMap<&'static str, Client>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoints {
    postgres_url: String,
    nats_url: String,
}

/// How to reach the embedded servers of a running server.
pub struct Underneath {
    /// The database, as its owner.
    pub owner: tokio_postgres::Config,
    /// NATS.
    pub nats_url: String,
    master_key: String,
}

impl Underneath {
    /// Of this server.
    pub fn of(server: &Server) -> Self {
        let read = |name: &str| std::fs::read_to_string(server.data_dir.join(name)).expect("the server's folder");
        let endpoints: Endpoints = serde_json::from_str(&read("endpoints.json")).expect("its addresses");
        let owner = endpoints.postgres_url.parse().expect("the address of its database");
        Self { owner, nats_url: endpoints.nats_url, master_key: read("master.key") }
    }

    /// The log, as another server of the same database would open it.
    pub async fn open_log(&self) -> EventLog {
        let database = Database::with_config(self.owner.clone(), 4).expect("settings");
        let master = MasterKeys::parse(&self.master_key).expect("its master key");
        let keys = KeyRing::open(database.clone(), master).await.expect("its keys");
        EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.expect("its log")
    }
}

impl Practice {
    /// A new practice in the shared server.
    pub async fn new() -> Self {
        Self::in_server(Server::shared()).await
    }

    /// A new practice in this server.
    pub async fn in_server(server: &Server) -> Self {
        Self::open(&Underneath::of(server).open_log().await, &Client::anonymous(server)).await
    }

    /// A new practice in this log, with clients like this one.
    pub async fn open(log: &EventLog, anonymous: &Client) -> Self {
        let facility_id = open_practice(&Commands::new(log.clone())).await;
        let accounts = Accounts::new(log.database().clone());
        let secret = log.keys().secret("access-token-signing").await.expect("the signing key");
        let seed: &[u8; 32] = secret.as_slice().try_into().expect("32 bytes");
        let tokens = AccessTokens::new(seed, TOKEN_LIFETIME).expect("the signing key");
        let chain = RefreshTokenChain::open(log.keys()).await.expect("the secret of refresh tokens");
        let sessions = Sessions::new(log.database().clone(), chain);
        let mut clients = HashMap::new();
        for role in Role::ALL {
            let user_id = UserId(Uuid::now_v7());
            let account = Account { user_id, facility_id, role, active: true, rpps_number: None, adeli_number: None };
            let login = LoginHash::of(&format!("{user_id}@example.org"), log.keys());
            assert!(accounts.create(&account, login, Some("no password")).await.expect("the account is made"));
            let session = sessions.begin(&account, false, &ClientPlace::default()).await.expect("a session").session;
            let caller = Member { user_id, facility_id, role, session_id: session.session_id };
            clients.insert(role.name(), anonymous.with_token(tokens.issue(&caller).expect("a token")));
        }
        let database = log.database().get().await.expect("a connection");
        let proved = "UPDATE accounts.sessions SET stepped_up_at = now() + interval '1 day' WHERE facility_id = $1";
        database.execute(proved, &[&facility_id.0]).await.expect("their sessions");
        Self { facility_id, clients }
    }

    /// A member of this role, logged in, who may do what needs a fresh proof of identity however long the test takes.
    pub fn client(&self, role: Role) -> &Client {
        &self.clients[role.name()]
    }

    /// The secretary, logged in.
    pub fn secretary(&self) -> &Client {
        self.client(Role::Secretary)
    }

    /// Registers a made-up patient, and gives the answer's body.
    pub async fn register(&self, last_name: &str, first_name: &str) -> Value {
        self.secretary().post("/patients", &patient(last_name, first_name)).await.expect(201).body
    }
}

/// A made-up patient with nothing but what is required.
pub fn patient(last_name: &str, first_name: &str) -> Value {
    json!({"lastName": last_name, "firstName": first_name, "birthDate": "1984-02-29", "gender": "female"})
}

/// A name that no other number has: names have no digits.
pub fn letters(mut number: usize) -> String {
    let mut name = String::new();
    loop {
        name.push(char::from(b'a' + u8::try_from(number % 26).expect("a letter")));
        number /= 26;
        if number == 0 {
            return name;
        }
    }
}
