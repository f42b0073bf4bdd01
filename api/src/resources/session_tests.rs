//! Logging in on a real PostgreSQL: who gets in, who does not, and how guessing is slowed down.

use std::num::NonZeroUsize;
use std::sync::Arc;

use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use event_store_schema::{Database, KeyRing, MasterKeys};
use jiff::SignedDuration;
use poem::http::StatusCode;
use poem::test::{TestClient, TestResponse};
use serde_json::{Value, json};
use uuid::Uuid;

use super::session::SessionApi;
use crate::auth::accounts::{self, Account, Accounts, LookupHash};
use crate::auth::passwords::Passwords;
use crate::auth::seed::{SeedAccount, SeededAccount, seed};
use crate::auth::tokens::AccessTokens;
use crate::embedded::{EmbeddedServers, Options, ScratchDir};
use crate::http::permissions::PERMISSIONS;
use crate::http::server::FrameSettings;
use crate::http::server::{App, app};

struct Practice {
    client: TestClient<App>,
    doctor: SeededAccount,
    database: Database,
    // Dropped last: the servers, then their folder.
    _servers: EmbeddedServers,
    folder: ScratchDir,
}

fn doctor() -> SeedAccount {
    let account = Account {
        user_id: UserId(Uuid::from_u128(1)),
        facility_id: FacilityId(Uuid::from_u128(2)),
        role: Role::Doctor,
        rpps_number: Some("10003456783".to_owned()),
        adeli_number: None,
        active: true,
    };
    SeedAccount { account, email: "Zoe.Moreau@exemple.fr".to_owned() }
}

impl Practice {
    async fn open() -> Self {
        let (folder, servers) = tokio::task::spawn_blocking(|| {
            let folder = ScratchDir::new("sessions").unwrap();
            let servers = EmbeddedServers::start(Options::for_tests(folder.path().join("servers"))).unwrap();
            (folder, servers)
        })
        .await
        .unwrap();
        let owner = servers.postgres().config("postgres", servers.postgres().superuser());
        event_store_schema::migrate(&owner).await.unwrap();
        accounts::migrate(&owner).await.unwrap();
        accounts::migrate(&owner).await.unwrap();
        let database = Database::with_config(owner, 8).unwrap();
        let master = MasterKeys::parse(&MasterKeys::generate().unwrap()).unwrap();
        let keys: Arc<dyn LookupHash> = Arc::new(KeyRing::open(database.clone(), master).await.unwrap());
        let accounts = Accounts::new(database.clone());
        let passwords = Arc::new(Passwords::start(NonZeroUsize::new(2).unwrap(), 64).unwrap());
        let tokens = Arc::new(AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap());

        let first = seed(vec![doctor()], None, folder.path(), &accounts, &passwords, &*keys).await.unwrap();
        let again = seed(vec![doctor()], None, folder.path(), &accounts, &passwords, &*keys).await.unwrap();
        assert_eq!(first[0].password, again[0].password, "a second start prints the same password");

        let api = SessionApi::new(accounts, passwords, Arc::clone(&tokens), keys);
        let client =
            TestClient::new(app((api, ()), Vec::new(), tokens, PERMISSIONS, FrameSettings::default()).unwrap());
        Self { client, doctor: first.into_iter().next().unwrap(), database, _servers: servers, folder }
    }

    async fn log_in(&self, email: &str, password: &str) -> TestResponse {
        let body = json!({"email": email, "password": password});
        self.client.post("/api/v1/auth/login").content_type("application/json").body_json(&body).send().await
    }
}

async fn code(response: TestResponse, status: StatusCode) -> String {
    response.assert_status(status);
    let body: Value = response.0.into_body().into_json().await.unwrap();
    body["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_member_of_staff_logs_in_and_guessing_is_slowed_down() {
    let practice = Practice::open().await;
    let doctor = practice.doctor.clone();

    // Whatever the case of the address.
    let response = practice.log_in("zoe.moreau@EXEMPLE.fr", &doctor.password).await;
    response.assert_status_is_ok();
    let answer: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 900);
    assert_eq!(answer["user"]["role"], "doctor");
    assert_eq!(answer["user"]["rpps_number"], "10003456783");
    assert_eq!(answer["user"]["permissions"]["patients"], json!({"read": true, "write": true}));
    assert_eq!(answer["user"]["permissions"]["audit"], json!({"read": false, "write": false}));
    assert!(answer["user"].get("adeli_number").is_none(), "what is not there is left out");

    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let me = practice.client.get("/api/v1/auth/me").header("authorization", &bearer).send().await;
    me.assert_json(&answer["user"]).await;

    // Known and unknown logins are refused alike, and locked alike.
    for email in ["zoe.moreau@exemple.fr", "nobody@exemple.fr"] {
        for _ in 0..5 {
            let refused = practice.log_in(email, "wrong").await;
            assert_eq!(code(refused, StatusCode::UNAUTHORIZED).await, "invalid_credentials");
        }
        let locked = practice.log_in(email, &doctor.password).await;
        locked.assert_header_exist("retry-after");
        assert_eq!(code(locked, StatusCode::TOO_MANY_REQUESTS).await, "too_many_attempts", "{email}");
    }

    // The lock passes, the next one is longer, and a right password forgets it all.
    let admin = practice.database.get().await.unwrap();
    let let_pass = "UPDATE accounts.login_attempts SET locked_until = now() - interval '1 second'";
    admin.execute(let_pass, &[]).await.unwrap();
    assert_eq!(
        code(practice.log_in("zoe.moreau@exemple.fr", "wrong").await, StatusCode::UNAUTHORIZED).await,
        "invalid_credentials"
    );
    let longest = "SELECT max(extract(epoch FROM locked_until - now()))::float8 FROM accounts.login_attempts";
    let seconds: f64 = admin.query_one(longest, &[]).await.unwrap().get(0);
    assert!((50.0..=60.0).contains(&seconds), "{seconds}");
    admin.execute(let_pass, &[]).await.unwrap();
    practice.log_in("zoe.moreau@exemple.fr", &doctor.password).await.assert_status_is_ok();
    practice.log_in("zoe.moreau@exemple.fr", "wrong").await.assert_status(StatusCode::UNAUTHORIZED);
    practice.log_in("zoe.moreau@exemple.fr", &doctor.password).await.assert_status_is_ok();

    // A suspended account is refused like a wrong password, and its token shows nobody.
    admin.execute("UPDATE accounts.credentials SET status = 'suspended'", &[]).await.unwrap();
    let refused = practice.log_in("zoe.moreau@exemple.fr", &doctor.password).await;
    assert_eq!(code(refused, StatusCode::UNAUTHORIZED).await, "invalid_credentials");
    let me = practice.client.get("/api/v1/auth/me").header("authorization", &bearer).send().await;
    assert_eq!(code(me, StatusCode::UNAUTHORIZED).await, "invalid_token");

    // No address is stored in clear, and the file of passwords is the one place that knows them.
    let row = admin.query_one("SELECT credentials::text FROM accounts.credentials", &[]).await.unwrap();
    assert!(!row.get::<_, String>(0).to_lowercase().contains("moreau"));
    assert!(practice.folder.path().join("demo-accounts.json").exists());
}
