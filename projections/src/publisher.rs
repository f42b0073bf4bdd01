//! From the log to NATS: one elected server publishes every event, in log order, to a JetStream stream, and every
//! server nudges the others when its own log grows.
//!
//! NATS is a hint and never the truth: it may be away, forget, or be wiped. Commands do not notice; the publisher
//! retries and catches up. Two things together make the stream gapless and free of repeats, whatever fails between them:
//! each message names the stream sequence it must follow (so NATS refuses one that would leave a hole, and a former
//! leader that wakes up), and a new leader goes on after the last message that the stream really holds (see
//! `find_place`). The checkpoint in PostgreSQL says where to begin when the stream cannot.

mod message;
mod nats;
mod nudge;
mod stream;

use std::convert::Infallible;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
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
pub use self::nats::{NatsError, NatsNames, connect};
use self::stream::{EventStream, StreamError};

/// Events of the log that wait to be published.
pub const LAG_METRIC: &str = "nats_publisher_lag_events";
/// Events published and acknowledged.
pub const PUBLISHED_METRIC: &str = "nats_published_total";

/// The publisher's checkpoint.
const NAME: &str = "nats_publisher";
/// How many messages are on their way at a time.
const BATCH_EVENTS: u32 = 256;
/// How often the log is looked at when nothing wakes the publisher.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long a frame waits for the read models, so that whoever gets it and then reads sees what it speaks of. A
/// projection that is stuck delays frames by this much, and stops none.
const READ_MODEL_PATIENCE: Duration = Duration::from_millis(500);
/// How often a server that does not publish looks how far the one that does has come.
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
    /// Up to where the log is published, by whichever server, as far as this one knows.
    pub position: Option<Position>,
    /// How many events wait to be published.
    pub lag: Option<u64>,
    /// What keeps it from publishing.
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
        // None of them has a safe point to end at: whoever publishes next finds out what arrived.
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

    /// How its tasks are doing.
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

    /// Stops, and lets another server take over. What is on its way may arrive or not: the successor finds out.
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

/// Makes the publisher's checkpoint, at the beginning of the log, if there is none. Runs at start, after
/// [`projections_engine::install`] has made the table; the connection must be the owner's, not the application's.
pub async fn install(owner: &Config) -> Result<(), DatabaseError> {
    let session = owner_session(owner).await?;
    Ok(checkpoint::install(&session, NAME, Position::ZERO).await?)
}

fn is_connected(client: &Client) -> bool {
    client.connection_state() == State::Connected
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
            // Either way the log is read: the watch is a hint, the poll is the truth.
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
                    // Somebody spoke of events that are not there.
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

    /// Goes on after the last message that the stream holds, if it is an event of this log: NATS acknowledges before it
    /// writes to disk, so after a crash it may hold less than the checkpoint says; after ours, more.
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

/// Keeps the lag known where and while nobody here publishes: that is when it matters.
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
