//! Live screens: from the log to every WebSocket whose user may see it.
//!
//! ```text
//!  NATS medicalpro.> ──► relay ──► hub ──► session (one per socket) ──► client
//!  the log (gaps, NATS away) ─┘     ▲         │
//!  NATS medicalpro-presence ──► presence ◄────┘ who is connected
//!  a change that came too late ──► conflicts ─► hub
//!  audit.access ──► alerts ─► hub             └──► traces ──► audit.access: who was told of whom
//! ```
//!
//! A client that comes back names the last position it saw: its [`session`] reads the log from there, and goes live
//! without a gap and without a repeat.

mod alerts;
mod asyncapi;
mod conflicts;
mod filling;
mod hub;
mod messages;
mod neighbours;
mod presence;
mod relay;
mod sequence;
mod session;
mod shared;
mod socket;
#[cfg(test)]
mod tests;
mod traces;

use std::sync::Arc;

use async_nats::Client;
use event_store_schema::{AccessTrail, EventLog, LogError};
use poem::http::Method;
use poem::{Response, endpoint::make_sync};
use projections::publisher::NatsNames;
use projections_engine::Projections;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::alerts::Alerts;
use self::filling::Fillings;
use self::hub::Hub;
use self::presence::Presence;
use self::relay::Relay;
use self::shared::Shared;
use self::socket::RealtimeEndpoint;
use accounts::tokens::AccessTokens;
use frame::server::PlainRoute;
use frame::shutdown::Shutdown;

pub use self::asyncapi::{DOCUMENT_PATH, PATH, asyncapi_document};
pub use self::conflicts::{StaleChange, StaleChanges};
pub use self::relay::COMMIT_TO_RELAY;
pub use self::session::{CUT_OFF, FRAMES_SENT, SOCKETS};
pub use self::shared::RealtimeSettings;

/// The document that describes the messages.
pub fn document() -> PlainRoute {
    let document = asyncapi_document().to_string();
    let answer = make_sync(move |_| Response::builder().content_type("application/json").body(document.clone()));
    PlainRoute::new(Method::GET, DOCUMENT_PATH, answer)
}

/// The realtime channel of one server.
#[derive(Clone)]
pub struct Realtime(Arc<Shared>);

/// How many pages of the past are read at the same time.
const PAST_READERS: usize = 4;

impl Realtime {
    /// Starts to relay what is written from now on, by supervised tasks of `shutdown`. Sockets are closed with 1001 as soon
    /// as it begins.
    pub async fn start(
        log: EventLog,
        trail: AccessTrail,
        read_models: Projections,
        nats: Option<(Client, NatsNames)>,
        tokens: Arc<AccessTokens>,
        settings: RealtimeSettings,
        shutdown: &Shutdown,
    ) -> Result<Self, LogError> {
        let hub = Arc::new(Hub::new(log.head().await?, settings.queue_length));
        let (presence, changes) = Presence::new(Arc::clone(&hub));
        let subjects = nats.as_ref().map(|(client, names)| (client.clone(), names.events()));
        let tasks = shutdown.tasks();
        let (relayed, relayed_log) = (Arc::clone(&hub), log.clone());
        tasks.start("realtime relay", move |stop| {
            // One that is started again goes on after what the hub has.
            let (log, read_models, hub) = (relayed_log.clone(), read_models.clone(), Arc::clone(&relayed));
            stop.run_until_cancelled_owned(Relay::new(log, read_models, subjects.clone(), hub).run())
        });
        let alerts = Arc::new(Alerts::new(trail.clone(), Arc::clone(&hub)));
        tasks.start("realtime alerts", move |stop| {
            let alerts = Arc::clone(&alerts);
            stop.run_until_cancelled_owned(async move { alerts.relay().await })
        });
        let stale = StaleChanges::new(Arc::clone(&hub), nats.clone());
        if let Some((client, names)) = nats {
            let listener = stale.clone();
            tasks.start("realtime conflicts", move |stop| stop.run_until_cancelled_owned(listener.clone().listen()));
            let (presence, changes) = (Arc::clone(&presence), Arc::new(Mutex::new(changes)));
            tasks.start("realtime presence", move |stop| {
                let (presence, changes) = (Arc::clone(&presence), Arc::clone(&changes));
                let (client, names) = (client.clone(), names.clone());
                stop.run_until_cancelled_owned(async move {
                    presence.exchange(&client, &names, &mut *changes.lock().await).await;
                })
            });
        }

        let sockets = Arc::new(Semaphore::new(settings.max_sockets));
        let (stop, past) = (shutdown.serving(), Semaphore::new(PAST_READERS));
        let (fillings, traces) = (Fillings::new(log.database()), TaskTracker::new());
        let shared =
            Shared { log, trail, tokens, hub, presence, fillings, stale, settings, sockets, past, traces, stop };
        let realtime = Self(Arc::new(shared));
        let closing = realtime.clone();
        tasks.start("realtime sockets", move |stop| closing.clone().all_closed(stop));
        Ok(realtime)
    }

    /// Where clients open sockets.
    pub fn sockets(&self) -> PlainRoute {
        PlainRoute::new(Method::GET, PATH, RealtimeEndpoint(Arc::clone(&self.0)))
    }

    /// By which users are told of changes that came too late.
    pub fn stale_changes(&self) -> StaleChanges {
        self.0.stale.clone()
    }

    /// Ends when the server stops, every socket is closed, and what their clients were told is traced.
    async fn all_closed(self, stop: CancellationToken) {
        stop.cancelled().await;
        let every = u32::try_from(self.0.settings.max_sockets).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = self.0.sockets.acquire_many(every).await;
        self.0.traces.close();
        self.0.traces.wait().await;
    }
}
