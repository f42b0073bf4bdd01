//! The realtime channel on real servers: a database and NATS subjects of its own for each test, a real socket on each
//! side.

mod publishing;
mod sockets;

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use async_nats::Client;
use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, PatientId, Position, StreamId, StreamVersion, UserId};
use domain::patient::PatientEvent;
use domain::role::Role;
use domain::upcasting::Upcasters;
use event_store_schema::{AppendRequest, Database, EventLog, KeyRing, MasterKeys, NewEvent, StreamAppend};
use futures_util::{SinkExt, StreamExt};
use jiff::SignedDuration;
use projections::publisher::{self, NatsNames, Publisher};
use projections_engine::Projections;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::*;
use accounts::member::Member;
use embedded_servers::{EmbeddedServers, Options, ScratchDir};
use frame::mounting::Frame;
use frame::server::{Bound, FrameSettings};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// One PostgreSQL and one NATS for all tests of this module; they end with the process.
static SERVERS: LazyLock<(Mutex<EmbeddedServers>, ScratchDir)> = LazyLock::new(|| {
    let scratch = ScratchDir::new("realtime").unwrap();
    let servers = EmbeddedServers::start(Options::for_tests(scratch.path().join("data"))).unwrap();
    (Mutex::new(servers), scratch)
});

/// A database and names on NATS that nothing else uses.
#[derive(Clone)]
struct Site {
    postgres: tokio_postgres::Config,
    nats_url: String,
    names: NatsNames,
    master_key: String,
}

impl Site {
    async fn new() -> Self {
        let (postgres, nats_url) = tokio::task::spawn_blocking(|| {
            let servers = SERVERS.0.lock().unwrap();
            (servers.postgres().clone(), servers.nats_url().to_owned())
        })
        .await
        .unwrap();
        Self::on(&postgres, nats_url).await
    }

    async fn on(postgres: &embedded_servers::PostgresEndpoint, nats_url: String) -> Self {
        let name = format!("t{}", Uuid::new_v4().simple());
        let (admin, connection) =
            postgres.config("postgres", postgres.superuser()).connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let owner = postgres.config(&name, postgres.superuser());
        event_store_schema::migrate(&owner).await.unwrap();
        projections_engine::install(&owner, &projections::all()).await.unwrap();
        publisher::install(&owner).await.unwrap();
        let names = NatsNames::with_prefix(&name).unwrap();
        let master_key = MasterKeys::generate().unwrap().to_string();
        Self { postgres: owner, nats_url, names, master_key }
    }

    async fn log(&self) -> EventLog {
        let database = Database::with_config(self.postgres.clone(), 8).unwrap();
        let keys = KeyRing::open(database.clone(), MasterKeys::parse(&self.master_key).unwrap()).await.unwrap();
        EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.unwrap()
    }

    async fn nats(&self) -> Client {
        publisher::connect(&self.nats_url).await.unwrap()
    }
}

/// One running server of a site.
struct Server {
    log: EventLog,
    trail: AccessTrail,
    publisher: Option<Publisher>,
    tokens: Arc<AccessTokens>,
    shutdown: Shutdown,
    address: SocketAddr,
}

impl Server {
    async fn start(site: &Site) -> Self {
        Self::start_with(site, true, RealtimeSettings::default()).await
    }

    async fn start_with(site: &Site, with_nats: bool, settings: RealtimeSettings) -> Self {
        let (log, shutdown) = (site.log().await, Shutdown::new());
        let read_models = Projections::start(log.clone(), Vec::new());
        let trail = AccessTrail::open(log.database().clone(), Duration::from_secs(10));
        let tokens = Arc::new(AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap());
        let nats = if with_nats { Some((site.nats().await, site.names.clone())) } else { None };
        let publisher =
            nats.clone().map(|(client, names)| Publisher::start(log.clone(), read_models.clone(), client, names));
        let realtime =
            Realtime::start(log.clone(), trail.clone(), read_models, nats, Arc::clone(&tokens), settings, &shutdown)
                .await
                .unwrap();
        let mut frame = Frame::default();
        frame.route(realtime.sockets());
        frame.route(document());
        let app = frame.app(&tokens, FrameSettings::default()).unwrap();
        let bound = Bound::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = bound.address();
        tokio::spawn(bound.serve(app, shutdown.serving(), Duration::from_secs(5)));
        Self { log, trail, publisher, tokens, shutdown, address }
    }

    fn token(&self, member: &Member) -> String {
        self.tokens.issue(member).unwrap()
    }

    async fn socket(&self) -> Socket {
        let (socket, _) = connect_async(format!("ws://{}{PATH}", self.address)).await.unwrap();
        Socket(socket)
    }

    /// A socket that is ready, and what it was told then.
    async fn login(&self, member: &Member, position: Option<u64>) -> (Socket, Value) {
        let mut socket = self.socket().await;
        let mut authenticate = json!({ "type": "authenticate", "token": self.token(member) });
        if let Some(position) = position {
            authenticate["position"] = json!(position);
        }
        socket.say(authenticate.to_string()).await;
        let ready = socket.frame().await;
        assert_eq!(ready["event"], "ready", "{ready}");
        (socket, ready)
    }

    /// Writes events of new patients, each in a stream of its own, in one append.
    async fn write(&self, facility: FacilityId, count: usize) -> Position {
        write(&self.log, facility, count).await
    }
}

async fn write(log: &EventLog, facility: FacilityId, count: usize) -> Position {
    let archived = |_| StreamAppend {
        stream: StreamId::of("patient", PatientId(Uuid::now_v7()).0),
        expected: StreamVersion::ZERO,
        facility_id: facility,
        subject_id: None,
        new_subject: false,
        events: vec![NewEvent::of(&PatientEvent::PatientArchived {}, EventId(Uuid::now_v7()), None).unwrap()],
    };
    let request = AppendRequest {
        streams: (0..count).map(archived).collect(),
        guards: Vec::new(),
        metadata: EventMetadata {
            actor: Actor::SYSTEM,
            client_address: None,
            request_id: None,
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            idempotency_key: None,
        },
        reason: None,
        idempotency: None,
    };
    log.append(request).await.unwrap().last_position
}

/// The client's end.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn say(&mut self, text: impl Into<Utf8Bytes>) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("waited in vain for a message");
            match next.expect("the server broke the connection off").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn frame(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a frame: {other:?}"),
        }
    }

    async fn positions(&mut self, count: usize) -> Vec<u64> {
        let mut positions = Vec::with_capacity(count);
        for _ in 0..count {
            let frame = self.frame().await;
            assert_eq!(frame["event"], "patient_updated", "{frame}");
            positions.push(frame["position"].as_u64().unwrap());
        }
        positions
    }

    async fn close_code(&mut self) -> u16 {
        match self.message().await {
            Message::Close(Some(close)) => close.code.into(),
            other => panic!("not closed: {other:?}"),
        }
    }

    /// The code of the error that the server closes with, and the close code.
    async fn refusal(&mut self) -> (String, u16) {
        let error = self.frame().await;
        assert_eq!(error["event"], "error", "{error}");
        (error["data"]["code"].as_str().unwrap().to_owned(), self.close_code().await)
    }

    /// Nothing comes for a while.
    async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(600), self.frame()).await.is_err()
    }
}

fn facility(number: u128) -> FacilityId {
    FacilityId(Uuid::from_u128(number))
}

fn user(number: u128, facility_id: FacilityId, role: Role) -> Member {
    let user_id = UserId(Uuid::from_u128(number));
    Member { user_id, facility_id, role, session_id: Uuid::from_u128(number) }
}

async fn eventually(what: &str, mut attempt: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !attempt().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain for {what}");
}
