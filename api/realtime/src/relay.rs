//! One per server: brings every position of the log to the [`Hub`], once and in order. It listens to the publisher's
//! messages, because they are the fastest; what they leave out is read from the log, which is the truth.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Message, Subscriber};
use domain::ids::Position;
use event_store_schema::{DamagedEvent, EventLog, LogError};
use futures_util::StreamExt;
use futures_util::future::OptionFuture;
use jiff::Timestamp;
use projections::publisher::PublishedEvent;
use projections::push::{self, Frame};
use projections_engine::Projections;
use tokio::time::MissedTickBehavior;

use super::hub::Hub;
use super::sequence::{Heard, Sequence};

/// Seconds from an event's commit to its relay to the sockets of this server.
pub const COMMIT_TO_RELAY: &str = "realtime_commit_to_relay_seconds";

/// How often the log is looked at, in case that NATS is away or silent.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How many events are read at a time.
const PAGE: u32 = 256;
/// How long a frame waits for the read models; messages of the publisher have waited already.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);
/// How long the relay waits after a failure.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Why the relay begins anew.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("no subscription to NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    #[error("a frame could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the subscription to NATS ended")]
    Ended,
}

pub(super) struct Relay {
    log: EventLog,
    read_models: Projections,
    /// The connection, and the subjects of the events; none where there is no NATS.
    nats: Option<(Client, String)>,
    hub: Arc<Hub>,
    sequence: Sequence,
}

impl Relay {
    pub(super) fn new(log: EventLog, read_models: Projections, nats: Option<(Client, String)>, hub: Arc<Hub>) -> Self {
        let sequence = Sequence::after(hub.relayed());
        Self { log, read_models, nats, hub, sequence }
    }

    /// Relays until it is dropped.
    pub(super) async fn run(mut self) {
        let mut last_problem = String::new();
        loop {
            let Err(error) = self.follow().await;
            let problem = error.to_string();
            if problem != last_problem {
                tracing::warn!(error = %problem, "the realtime relay is interrupted");
                last_problem = problem;
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    async fn follow(&mut self) -> Result<Infallible, RelayError> {
        let mut messages = match &self.nats {
            Some((client, subjects)) => Some(client.subscribe(subjects.clone()).await?),
            None => None,
        };
        let mut grown = self.log.watch();
        let mut looks = tokio::time::interval(POLL_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(message) = next(&mut messages) => self.hear(&message.ok_or(RelayError::Ended)?).await?,
                _ = looks.tick() => {
                    let head = self.log.head().await?;
                    if self.sequence.look(head, self.messages_expected()) {
                        self.catch_up().await?;
                    }
                }
                Ok(()) = grown.changed(), if !self.messages_expected() => self.catch_up().await?,
            }
        }
    }

    fn messages_expected(&self) -> bool {
        self.nats.as_ref().is_some_and(|(client, _)| client.connection_state() == State::Connected)
    }

    async fn hear(&mut self, message: &Message) -> Result<(), RelayError> {
        // One that cannot be read is of another release: the log is read instead, as after a gap.
        let Ok(event) = serde_json::from_slice::<PublishedEvent>(&message.payload) else {
            return self.catch_up().await;
        };
        match self.sequence.hear(event.position) {
            Heard::Next => {
                let (position, recorded_at) = (event.position, event.recorded_at);
                self.pass_on(position, recorded_at, &event.into_frames())
            }
            Heard::Repeat => Ok(()),
            Heard::Gap => self.catch_up().await,
        }
    }

    /// Relays what the log holds beyond what is relayed.
    async fn catch_up(&mut self) -> Result<(), RelayError> {
        loop {
            let (events, reached) = self.log.read_each(self.sequence.relayed(), PAGE, |_| true).await?;
            if events.is_empty() {
                return Ok(());
            }
            self.read_models.wait_for(reached, SHOWN_WITHIN).await;
            for event in &events {
                match event {
                    Ok(event) if self.sequence.read(event.position) => {
                        self.pass_on(event.position, event.recorded_at, &push::frames(event))?;
                    }
                    // No screen is told of it; the screens are told of what follows.
                    Err(damaged) if self.sequence.read(damaged.position) => {
                        let DamagedEvent { position, error, .. } = damaged;
                        tracing::error!(%position, %error, "an event that cannot be read is not relayed");
                        self.hub.relay(*position, &[])?;
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }

    fn pass_on(&self, position: Position, recorded_at: Timestamp, frames: &[Frame]) -> Result<(), RelayError> {
        self.hub.relay(position, frames)?;
        // The clocks of the database and of this server may differ a little.
        let taken = Timestamp::now().duration_since(recorded_at).as_secs_f64().max(0.0);
        metrics::histogram!(COMMIT_TO_RELAY).record(taken);
        Ok(())
    }
}

/// The next message, `Some(None)` at the subscription's end; none at all without a subscription.
async fn next(messages: &mut Option<Subscriber>) -> Option<Option<Message>> {
    OptionFuture::from(messages.as_mut().map(StreamExt::next)).await
}
