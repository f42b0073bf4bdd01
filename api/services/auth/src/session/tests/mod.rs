//! Letting people in, on a real PostgreSQL with two servers on it: each has its own memory, and they share the tables.

mod account_state;
mod logging_in;
mod passwords;
mod refreshing;
mod second_factor;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::{CommandContext, Commands};
use domain::facility::FacilityCommand;
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use domain::upcasting::Upcasters;
use domain::user::{PasswordOccasion, Profession, Profile, UserCommand, UserDetails};
use domain::values::{EmailAddress, FacilityName, FirstName, LastName, Rpps, TextValue};
use event_store_schema::tasks::Tasks;
use event_store_schema::{AccessTrail, Database, EventLog, KeyRing, MasterKeys};
use jiff::SignedDuration;
use poem::http::StatusCode;
use poem::test::{TestClient, TestResponse};
use projections_engine::Projections;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::desk::StaffDesk;
use crate::session::{CredentialsApi, SessionApi, credentials, operations};
use accounts::Auth;
use accounts::account::{self, Account};
use accounts::passwords::Passwords;
use accounts::seed::{SeedAccount, SeededAccount, seed};
use embedded_servers::{EmbeddedServers, Options, ScratchDir};
use frame::desk::Desk;
use frame::mounting::Frame;
use frame::server::{App, FrameSettings};

const FACILITY: FacilityId = FacilityId(Uuid::from_u128(2));
const DOCTOR: UserId = UserId(Uuid::from_u128(1));
const EMAIL: &str = "Zoe.Moreau@exemple.fr";

/// One `medicalpro`, as far as letting people in goes.
struct Server {
    client: TestClient<App>,
    auth: Auth,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Practice {
    one: Server,
    other: Server,
    doctor: SeededAccount,
    log: EventLog,
    commands: Commands,
    database: Database,
    // Dropped last: the servers, then their folder.
    _servers: EmbeddedServers,
    folder: ScratchDir,
}

/// What somebody holds who is logged in.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
    answer: Value,
}

impl Server {
    async fn start(log: &EventLog) -> Self {
        let passwords = Arc::new(Passwords::start(NonZeroUsize::new(2).unwrap(), 256).unwrap());
        let lifetime = SignedDuration::from_mins(15);
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        let auth = Auth::open(Commands::new(log.clone()), passwords, lifetime, &tasks).await.unwrap();
        let tokens = Arc::clone(&auth.tokens);
        // No read model is to be waited for.
        let read_models = Projections::start(log.clone(), Vec::new());
        let trail = AccessTrail::open(log.database().clone(), Duration::from_secs(10));
        let desk = StaffDesk::over(Desk { commands: Commands::new(log.clone()), read_models, trail });
        let mut frame = Frame::default();
        frame.mount(SessionApi::new(auth.clone()), operations::PERMISSIONS);
        frame.mount(CredentialsApi::new(desk, auth.clone()), credentials::PERMISSIONS);
        let settings = FrameSettings { sessions: Some(auth.sessions.clone()), ..FrameSettings::default() };
        let client = TestClient::new(frame.app(&tokens, settings).unwrap());
        Self { client, auth, stop }
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> TestResponse {
        let request = self.client.post(format!("/api/v1/auth{path}")).content_type("application/json").body_json(body);
        match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")).send().await,
            None => request.send().await,
        }
    }

    async fn get(&self, path: &str, token: &str) -> TestResponse {
        let request = self.client.get(format!("/api/v1/auth{path}"));
        request.header("authorization", format!("Bearer {token}")).send().await
    }

    async fn delete(&self, path: &str, token: &str) -> TestResponse {
        let request = self.client.delete(format!("/api/v1/auth{path}"));
        request.header("authorization", format!("Bearer {token}")).send().await
    }

    async fn log_in(&self, email: &str, password: &str) -> TestResponse {
        self.post("/login", None, &json!({"email": email, "password": password})).await
    }

    async fn tokens(&self, doctor: &SeededAccount) -> Tokens {
        Tokens::of(self.log_in(&doctor.email, &doctor.password).await).await
    }

    async fn refresh(&self, token: &str) -> TestResponse {
        self.post("/refresh", None, &json!({"refresh_token": token})).await
    }

    /// Whether the token opens the door.
    async fn lets_in(&self, token: &str) -> bool {
        self.get("/me", token).await.0.status() == StatusCode::OK
    }

    /// Waits at most a second until the token does not open the door any more.
    async fn refuses_within_a_second(&self, token: &str) {
        let began = Instant::now();
        while self.auth.tokens.verify(token).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(1), "still let in after a second");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(code(self.get("/me", token).await, StatusCode::UNAUTHORIZED).await, "session_ended");
    }
}

impl Tokens {
    async fn of(response: TestResponse) -> Self {
        response.assert_status_is_ok();
        let answer = body(response).await;
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), answer }
    }
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
        account::migrate(&owner).await.unwrap();
        account::migrate(&owner).await.unwrap();
        let database = Database::with_config(owner, 16).unwrap();
        let master = MasterKeys::parse(&MasterKeys::generate().unwrap()).unwrap();
        let keys = KeyRing::open(database.clone(), master).await.unwrap();
        let log = EventLog::open(database.clone(), keys, Upcasters::current(), Duration::from_secs(10)).await.unwrap();
        let commands = Commands::new(log.clone());
        let (one, other) = (Server::start(&log).await, Server::start(&log).await);
        let doctor = take_on(&commands, &one.auth, &log, &folder).await;
        Self { one, other, doctor, log, commands, database, _servers: servers, folder }
    }

    async fn tell(&self, what: UserCommand) {
        self.commands.change_user(DOCTOR, &what, &CommandContext::system(FACILITY)).await.unwrap();
    }

    async fn sql(&self, statement: &str) {
        self.database.get().await.unwrap().batch_execute(statement).await.unwrap();
    }

    async fn number(&self, query: &str) -> i64 {
        self.database.get().await.unwrap().query_one(query, &[]).await.unwrap().get(0)
    }

    /// The types of what happened to the doctor's account, in order.
    async fn history(&self) -> Vec<String> {
        let stream = format!("user-{DOCTOR}").parse().unwrap();
        let events = self.log.load(&stream, domain::ids::StreamVersion::ZERO).await.unwrap();
        events.into_iter().map(|event| event.event_type).collect()
    }

    /// Waits until this happened so often: refused logins are written a moment later.
    async fn expect_event(&self, event_type: &str, count: usize) {
        let began = Instant::now();
        while self.history().await.iter().filter(|happened| *happened == event_type).count() < count {
            assert!(began.elapsed() < Duration::from_secs(5), "{event_type}: {:?}", self.history().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Registers the doctor, and gives her a password.
async fn take_on(commands: &Commands, auth: &Auth, log: &EventLog, folder: &ScratchDir) -> SeededAccount {
    let context = CommandContext::system(FACILITY);
    let opening = FacilityCommand::OpenFacility {
        name: FacilityName::parse("Cabinet de la Grève").unwrap(),
        finess: None,
        time_zone: "Europe/Paris".to_owned(),
    };
    commands.open_facility(&opening, &context).await.unwrap();
    let rpps = "10003456786";
    let details = UserDetails {
        profile: Profile {
            last_name: LastName::parse("Moreau").unwrap(),
            first_name: FirstName::parse("Zoé").unwrap(),
            email: EmailAddress::parse(EMAIL).unwrap(),
            phone: None,
        },
        profession: Profession { rpps_number: Some(Rpps::parse(rpps).unwrap()), ..Profession::default() },
    };
    commands.register_user(DOCTOR, Role::Doctor, &details, &context).await.unwrap();
    let account = || Account {
        user_id: DOCTOR,
        facility_id: FACILITY,
        role: Role::Doctor,
        rpps_number: Some(rpps.to_owned()),
        adeli_number: None,
        active: true,
    };
    let wanted = || vec![SeedAccount { account: account(), email: EMAIL.to_owned() }];
    let first = seed(wanted(), None, folder.path(), &auth.accounts, &auth.passwords, log).await.unwrap();
    let again = seed(wanted(), None, folder.path(), &auth.accounts, &auth.passwords, log).await.unwrap();
    assert_eq!(first[0].password, again[0].password, "a second start prints the same password");
    let chosen = UserCommand::ChangePassword { by: PasswordOccasion::Invitation };
    commands.change_user(DOCTOR, &chosen, &context).await.unwrap();
    first.into_iter().next().unwrap()
}

async fn body(response: TestResponse) -> Value {
    response.0.into_body().into_json().await.unwrap()
}

#[track_caller]
fn code(response: TestResponse, status: StatusCode) -> impl Future<Output = String> {
    response.assert_status(status);
    async move { body(response).await["code"].as_str().unwrap_or_default().to_owned() }
}
