//! The publisher: one elected server publishes every event, in log order, to a JetStream stream. Every server nudges the
//! others when its own log grows.
//!
//! NATS is a hint and never the truth. It may be away, forget, or be wiped. Commands do not notice, and the publisher
//! catches up. Two things make the stream gapless and free of repeats. Each message names the stream sequence that it
//! follows, so NATS refuses a hole and a former leader that wakes up. And a new leader goes on after the last message that
//! the stream holds (see `find_place`). If the stream cannot say where to begin, the checkpoint in PostgreSQL does.

mod message;
mod nats;
mod nudge;
mod stream;

use std::convert::Infallible;
use std::time::Duration;

use async_nats::Client;
use domain::ids::Position;
use event_store_schema::tasks::{TaskHealth, Tasks};
use event_store_schema::{DatabaseError, EventLog, LogError};
use projections_engine::Projections;
use projections_engine::checkpoint::{self, Checkpoint, CheckpointError};
use projections_engine::session::owner_session;
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

pub use self::message::PublishedEvent;
use self::nats::is_connected;
pub use self::nats::{NatsError, NatsNames, connect};
use self::stream::{EventStream, StreamError};

/// Events of the log that wait to be published.
pub const LAG_METRIC: &str = "nats_publisher_lag_events";
/// Events published and acknowledged.
pub const PUBLISHED_METRIC: &str = "nats_published_total";

/// The publisher's checkpoint.
const NAME: &str = "nats_publisher";
/// How many events are published at a time.
const BATCH_EVENTS: u32 = 256;
/// How often the publisher reads the log if nothing wakes it.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long frames wait for the read models, so that a client which reads after a frame sees the change. A stuck projection
/// delays frames by so much, and stops none.
const READ_MODEL_PATIENCE: Duration = Duration::from_millis(500);
/// How often a server that does not publish measures the lag of the one that does.
const LAG_INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How the publisher of this server is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublisherStatus {
    /// Whether there is a connection to NATS.
    pub connected: bool,
    /// Whether this server is the one that publishes.
    pub leading: bool,
    /// The position up to which any server has published, as far as this one knows.
    pub position: Option<Position>,
    /// How many events wait to be published.
    pub lag: Option<u64>,
    /// The failure that stops it, if any.
    pub problem: Option<String>,
}

/// The publisher of one server. It stops when this is dropped.
pub struct Publisher {
    client: Client,
    log: EventLog,
    status: watch::Receiver<PublisherStatus>,
    stop: CancellationToken,
    tasks: Tasks,
}

impl Publisher {
    /// Starts publishing as soon as NATS is there and no other server publishes, and nudging at once.
    pub fn start(log: EventLog, read_models: Projections, client: Client, names: NatsNames) -> Self {
        let (reports, status) = watch::channel(PublisherStatus::default());
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        // None has a safe point to end at. The next publisher finds out what arrived.
        let (subject, nudging) = (names.nudge(), (log.clone(), client.clone()));
        tasks.start("nudges", move |stop| {
            let (log, client) = nudging.clone();
            stop.run_until_cancelled_owned(nudge::nudge_and_listen(log, client, subject.clone()))
        });
        let measured = (log.clone(), reports.clone());
        tasks.start("publisher lag", move |stop| {
            let (log, reports) = measured.clone();
            stop.run_until_cancelled_owned(measure(log, reports))
        });
        let worker = Worker { log: log.clone(), read_models, client: client.clone(), names, reports };
        tasks.start("publisher", move |stop| stop.run_until_cancelled_owned(worker.clone().run()));
        Self { client, log, status, stop, tasks }
    }

    /// The health of its tasks.
    pub fn tasks(&self) -> Vec<TaskHealth> {
        self.tasks.health()
    }

    /// How it is doing.
    pub fn status(&self) -> PublisherStatus {
        let mut status = self.status.borrow().clone();
        status.connected = is_connected(&self.client);
        status.lag = status.position.map(|position| lag(&self.log, position));
        status
    }

    /// Stops, and lets another server take over. Messages under way may arrive or not: the successor finds out.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.ended().await;
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Why a leader steps down.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the connection to NATS is lost")]
    Disconnected,
}

/// Makes the publisher's checkpoint at the beginning of the log, if there is none. It runs at start, after
/// [`projections_engine::install`]. `owner` connects as the owner of the database, not as the application.
pub async fn install(owner: &Config) -> Result<(), DatabaseError> {
    let session = owner_session(owner).await?;
    Ok(checkpoint::install(&session, NAME, Position::ZERO).await?)
}

#[derive(Clone)]
struct Worker {
    log: EventLog,
    read_models: Projections,
    client: Client,
    names: NatsNames,
    reports: watch::Sender<PublisherStatus>,
}

impl Worker {
    async fn run(self) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let Err(error) = self.lead().await;
            let before = self.reports.borrow().clone();
            let had_led = before.leading;
            let problem = Some(error.to_string());
            if before.problem != problem {
                tracing::warn!(%error, "publishing to NATS is interrupted");
            }
            self.reports.send_replace(PublisherStatus { leading: false, problem, ..before });
            pause = if had_led { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits to be elected, then publishes until something fails.
    async fn lead(&self) -> Result<Infallible, PublishError> {
        while !is_connected(&self.client) {
            tokio::time::sleep(SHORTEST_PAUSE).await;
        }
        nats::check_server(&self.client)?;
        let mut checkpoint = Checkpoint::when_elected(self.log.database(), NAME).await?;
        let mut stream = EventStream::prepare(&self.client, self.names.clone()).await?;
        self.find_place(&mut checkpoint, &stream).await?;
        self.report(checkpoint.position());
        tracing::info!(position = %checkpoint.position(), "this server publishes to NATS");

        let mut head = self.log.watch();
        loop {
            // The log is read in either case: the watch is a hint, the poll is the truth.
            if *head.borrow_and_update() <= checkpoint.position() {
                let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
            }
            let events = self.log.read_forward(checkpoint.position(), BATCH_EVENTS).await?;
            let Some(last) = events.last().map(|event| event.position) else {
                checkpoint.still_elected().await?;
                if !is_connected(&self.client) {
                    return Err(PublishError::Disconnected);
                }
                if *head.borrow() > checkpoint.position() {
                    // A nudge named events that are not there.
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                continue;
            };
            self.read_models.wait_for(last, READ_MODEL_PATIENCE).await;
            stream.publish(&events).await?;
            checkpoint.advance_to(last).await?;
            metrics::counter!(PUBLISHED_METRIC).increment(events.len() as u64);
            self.report(last);
        }
    }

    /// Goes on after the last message of the stream, if that is an event of this log. NATS acknowledges before it writes to
    /// disk, so after its crash the stream may hold less than the checkpoint says. After a crash of this server it may hold
    /// more.
    async fn find_place(&self, checkpoint: &mut Checkpoint, stream: &EventStream) -> Result<(), PublishError> {
        let Some(last) = stream.last_message().await? else { return Ok(()) };
        if last.position == checkpoint.position() {
            return Ok(());
        }
        let before = Position::from(last.position.get().saturating_sub(1));
        let found = self.log.read_forward(before, 1).await?;
        if found.first().is_some_and(|event| event.position == last.position && event.event_id == last.id) {
            return Ok(checkpoint.advance_to(last.position).await?);
        }
        tracing::warn!(
            position = %last.position,
            "the last message of the NATS stream is no event of this log; publishing goes on from the checkpoint"
        );
        Ok(())
    }

    fn report(&self, position: Position) {
        metrics::gauge!(LAG_METRIC).set(lag(&self.log, position) as f64);
        self.reports.send_modify(|status| {
            *status = PublisherStatus { leading: true, position: Some(position), ..PublisherStatus::default() };
        });
    }
}

fn lag(log: &EventLog, position: Position) -> u64 {
    log.watch().borrow().get().saturating_sub(position.get())
}

/// Measures the lag while this server does not publish.
async fn measure(log: EventLog, reports: watch::Sender<PublisherStatus>) {
    loop {
        if !reports.borrow().leading
            && let Ok(Some(position)) = checkpoint::followed(log.database(), NAME).await
        {
            metrics::gauge!(LAG_METRIC).set(lag(&log, position) as f64);
            reports.send_if_modified(|status| {
                let follows = !status.leading;
                if follows {
                    status.position = Some(position);
                }
                follows
            });
        }
        tokio::time::sleep(LAG_INTERVAL).await;
    }
}
