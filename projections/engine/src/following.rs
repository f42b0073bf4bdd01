//! Policies follow the log: each event at least once, in order, on one server, from a checkpoint in the database.
//!
//! ```text
//!  log ──► Follower ── follow(event) ──► a policy ──► commands ──► log
//!             │  └──── tick() ─────────────┘
//!             └── checkpoint, moved when the policy is done with the event
//! ```
//!
//! If a server dies in the middle of an event, the checkpoint is still before the event. The next server gives the policy
//! the same event again. A policy acts under keys that it derives from the event, so acting twice has the effect of acting
//! once. If a policy fails, the same event is tried again until it succeeds.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::event::RecordedEvent;
use event_store_schema::tasks::{TaskHealth, Tasks};
use event_store_schema::{DatabaseError, EventLog, LogError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::leadership::RENEW_INTERVAL;

/// Events of the log that a policy has not followed yet, on the server that leads it.
pub const LAG_METRIC: &str = "policy_lag_events";

/// How many events are read at a time.
const BATCH_EVENTS: u32 = 256;
/// How often the follower reads the log if nothing wakes it.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The pause after a failure: doubled from the first to the second.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why a policy could not act. The follower tries again. No message holds content of an event.
pub type PolicyError = Box<dyn Error + Send + Sync>;

/// Something that acts on what happens.
pub trait Policy: Send + Sync + 'static {
    /// The name of its checkpoint, the same for ever.
    fn name(&self) -> &'static str;

    /// Whether it acts on events of this type.
    fn takes(&self, event_type: &str) -> bool;

    /// Acts on an event. It may be called again with the same event, if a server died.
    fn follow<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Result<(), PolicyError>>;

    /// How often [`tick`](Self::tick) is called.
    fn tick_every(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Does what is due by the clock. It is called on the server that leads.
    fn tick(&self) -> BoxFuture<'_, Result<(), PolicyError>>;

    /// Waits for work that the policy began and left running. It is called after the last event.
    fn finish(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

/// How a policy is doing on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowerStatus {
    /// Whether this server is the one that acts.
    pub leading: bool,
    /// The failure that stops it, if any.
    pub problem: Option<String>,
}

/// A policy on one server. It stops when this is dropped.
pub struct Follower {
    policy: Arc<dyn Policy>,
    status: watch::Receiver<FollowerStatus>,
    stop: CancellationToken,
    tasks: Tasks,
}

/// Makes the checkpoint of a policy at the head of the log, if there is none. A policy acts on events after its
/// installation. It is called before the server answers requests.
pub async fn install(log: &EventLog, name: &str) -> Result<(), LogError> {
    let head = log.head().await?;
    let client = log.database().get().await?;
    checkpoint::install(&client, name, head).await.map_err(DatabaseError::from)?;
    Ok(())
}

impl Follower {
    /// Starts to follow as soon as no other server does.
    pub fn start(log: EventLog, policy: Arc<dyn Policy>) -> Self {
        let (reports, status) = watch::channel(FollowerStatus::default());
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        let worker = Worker { log, policy: Arc::clone(&policy), reports };
        // If an event is interrupted, the next leader follows it again.
        tasks.start(format!("policy {}", policy.name()), move |stop| {
            stop.run_until_cancelled_owned(worker.clone().run())
        });
        Self { policy, status, stop, tasks }
    }

    /// How its task is doing.
    pub fn tasks(&self) -> Vec<TaskHealth> {
        self.tasks.health()
    }

    /// How it is doing.
    pub fn status(&self) -> FollowerStatus {
        self.status.borrow().clone()
    }

    /// Stops, and waits for work that the policy began. Another server can take over at once.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.ended().await;
        self.policy.finish().await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    Policy(PolicyError),
}

#[derive(Clone)]
struct Worker {
    log: EventLog,
    policy: Arc<dyn Policy>,
    reports: watch::Sender<FollowerStatus>,
}

impl Worker {
    async fn run(self) {
        let mut pause = RETRY_PAUSES.0;
        loop {
            let began = Instant::now();
            let Err(error) = self.lead().await;
            let problem = Some(error.to_string());
            if self.reports.borrow().problem != problem {
                tracing::warn!(policy = self.policy.name(), %error, "a policy is interrupted");
            }
            self.reports.send_replace(FollowerStatus { leading: false, problem });
            pause = if began.elapsed() > RETRY_PAUSES.1 { RETRY_PAUSES.0 } else { (pause * 2).min(RETRY_PAUSES.1) };
            sleep(pause).await;
        }
    }

    /// Waits to be elected, then follows until something fails.
    async fn lead(&self) -> Result<Infallible, Interrupted> {
        let policy = self.policy.as_ref();
        let mut checkpoint = Checkpoint::when_elected(self.log.database(), policy.name()).await?;
        tracing::info!(policy = policy.name(), position = %checkpoint.position(), "this server leads a policy");
        self.reports.send_modify(|status| status.leading = true);
        let mut head = self.log.watch();
        let mut ticked: Option<Instant> = None;
        // The policy does not act on most events. Past those, the checkpoint moves once per renewal: no writer waits for it.
        let (mut reached, mut kept) = (checkpoint.position(), Instant::now());
        loop {
            if ticked.is_none_or(|last| last.elapsed() >= policy.tick_every()) {
                hold(&mut checkpoint, policy.tick()).await?.map_err(Interrupted::Policy)?;
                ticked = Some(Instant::now());
            }
            let takes = |event_type: &str| policy.takes(event_type);
            head.borrow_and_update();
            let (events, read) = self.log.read_taken(reached, BATCH_EVENTS, takes).await?;
            reached = read;
            for event in &events {
                hold(&mut checkpoint, policy.follow(event)).await?.map_err(Interrupted::Policy)?;
                checkpoint.advance_to(event.position).await?;
            }
            if reached > checkpoint.position() && kept.elapsed() >= RENEW_INTERVAL {
                checkpoint.advance_to(reached).await?;
                kept = Instant::now();
            }
            self.reports.send_if_modified(|status| status.problem.take().is_some());
            let lag = head.borrow().get().saturating_sub(reached.get());
            metrics::gauge!(LAG_METRIC, "policy" => policy.name()).set(lag as f64);
            if *head.borrow() <= reached {
                // The watch is a hint, the poll is the truth.
                let _ = timeout(POLL_INTERVAL.min(policy.tick_every()), head.changed()).await;
                checkpoint.still_elected().await?;
            }
        }
    }
}

/// Renews the lease while work goes on. If the lead is lost, the work is dropped.
async fn hold<T>(checkpoint: &mut Checkpoint, work: impl Future<Output = T>) -> Result<T, CheckpointError> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = sleep(RENEW_INTERVAL) => checkpoint.still_elected().await?,
        }
    }
}
