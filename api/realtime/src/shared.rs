//! What every session of one server uses, and how much it may take.

use std::sync::Arc;
use std::time::Duration;

use event_store_schema::{AccessTrail, EventLog};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::conflicts::StaleChanges;
use super::filling::Fillings;
use super::hub::Hub;
use super::presence::Presence;
use accounts::tokens::AccessTokens;
use frame::origins::Origins;

/// How much, and how long.
#[derive(Clone, Debug)]
pub struct RealtimeSettings {
    /// How many sockets the server serves at a time.
    pub max_sockets: usize,
    /// How many frames may wait for a socket before it is cut off.
    pub queue_length: usize,
    /// How long a client may take to say who it is.
    pub authenticate_within: Duration,
    /// How long one write may take before the socket is cut off.
    pub write_within: Duration,
    /// How often a client is asked whether it is still there; one that does not answer until the next time is dropped.
    pub ping_every: Duration,
    /// Whose web pages may connect.
    pub origins: Origins,
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        Self {
            max_sockets: 10_000,
            queue_length: 1024,
            authenticate_within: Duration::from_secs(10),
            write_within: Duration::from_secs(10),
            ping_every: Duration::from_secs(30),
            origins: Origins::default(),
        }
    }
}

/// What every session uses.
pub(super) struct Shared {
    pub(super) log: EventLog,
    pub(super) trail: AccessTrail,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) hub: Arc<Hub>,
    pub(super) presence: Arc<Presence>,
    pub(super) fillings: Fillings,
    pub(super) stale: StaleChanges,
    pub(super) settings: RealtimeSettings,
    /// A permit for each socket there may be.
    pub(super) sockets: Arc<Semaphore>,
    /// A permit for each page of the past that may be read at the same time: a thousand clients that come back at once
    /// must not take the database from everybody else.
    pub(super) past: Semaphore,
    /// Traces under way.
    pub(super) traces: TaskTracker,
    pub(super) stop: CancellationToken,
}
