//! Reminders of appointments: from the list of what is due ([`projections::reminders`]) to messages that were sent, once each.
//!
//! ```text
//!  read_model.reminders ──due──► gather ──► outbox ──► compose ──► messaging ──► SMTP, gateway
//!                                  │        (messaging.*)  ▲            │
//!                                  │                       │            ▼
//!                    one message for each patient, day     │      ReminderSent, ReminderFailed ──► the log ──► read_model
//!                    and channel                  appointments, patient, practice as they are now
//! ```
//!
//! One server of all does it (see [`projections_engine::following`]). That it is one is for speed, not for safety: what must not
//! happen twice happens under conditions that the database checks ([`outbox`]).

mod clock;
mod compose;
mod outbox;
mod sending;
mod wording;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use commands::{CommandContext, CommandError, Commands};
use domain::event::RecordedEvent;
use domain::ids::{FacilityId, PatientId};
use domain::reminder::ReminderOutcome;
use domain::values::{Channel, CodeValue};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::reminders::{DueBacklog, DueReminder, ReminderQueries};
use projections_engine::QueryError;
use projections_engine::following::{Policy, PolicyError};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::clock::ReminderClock;
pub(crate) use self::compose::recipient;
use self::outbox::{ClaimedReminder, Message, Outbox};
pub use self::outbox::{OutboxError, migrate};
use crate::messaging::texts::TextError;
use crate::messaging::{Messengers, last_messages};
use crate::patient_links::PatientLinks;
use event_store_schema::health::Finding;

/// Reminders that were sent, by channel, and whether they are known to have arrived.
const SENT: &str = "reminders_sent_total";
/// Reminders that were not sent, by cause.
const FAILED: &str = "reminders_failed_total";
/// Reminders that are due and not sent, on the server that sends them.
const DUE: &str = "reminders_due";
/// For how long the first of them has been due.
const LAG_SECONDS: &str = "reminders_lag_seconds";

/// How many reminders are looked at together, and how many messages are sent at the same time.
const BATCH: u32 = 500;
const TOGETHER: usize = 8;

/// A reminder that is due for longer is worth an operator's look.
const NOTABLE_LAG: i64 = 10 * 60;

/// Work on reminders failed; the same is tried again. No message holds content of a message or an event.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The list of what is due cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The outbox cannot be read or written.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// An appointment, a patient or a practice cannot be read.
    #[error("what a reminder says cannot be read: {0}")]
    Reading(String),
    /// What became of a message cannot be noted.
    #[error("what became of a reminder cannot be noted: {0}")]
    Writing(String),
    /// The text of a message cannot be written.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A message's task ended by itself.
    #[error("a task that sends a message panicked")]
    Panicked,
}

impl WorkError {
    fn reading<E: std::error::Error>(error: CommandError<E>) -> Self {
        Self::Reading(error.to_string())
    }

    fn writing<E: std::error::Error>(error: CommandError<E>) -> Self {
        Self::Writing(error.to_string())
    }
}

/// Reminders on one server. Cheap to clone.
#[derive(Clone)]
pub struct Reminders(Arc<Reminding>);

/// What sends them.
pub(crate) struct Reminding {
    commands: Commands,
    queries: ReminderQueries,
    outbox: Outbox,
    messengers: Messengers,
    links: Option<PatientLinks>,
    clock: ReminderClock,
    /// Messages on their way. They go on when the lead is lost or the server stops: what was begun has an end.
    sending: TaskTracker,
    backlog: Mutex<DueBacklog>,
}

impl Reminders {
    /// The name of its checkpoint.
    pub const NAME: &str = "reminder_messages";

    /// Over these commands, by these messengers, with these links for patients to answer by.
    pub fn new(commands: Commands, messengers: Messengers, links: Option<PatientLinks>, clock: ReminderClock) -> Self {
        let database = commands.log().database().clone();
        Self(Arc::new(Reminding {
            queries: ReminderQueries::new(database.clone()),
            outbox: Outbox::new(database),
            commands,
            messengers,
            links,
            clock,
            sending: TaskTracker::new(),
            backlog: Mutex::default(),
        }))
    }

    /// How they are doing, as far as this server has to do with it.
    pub fn finding(&self) -> Finding {
        let DueBacklog { count, since } = *self.0.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let set_aside = self.0.outbox.not_understood().finding();
        let late = since.map_or(0, |since| since.duration_until(self.0.clock.now()).as_secs());
        match count {
            _ if set_aside != Finding::Good => set_aside,
            0 => Finding::Good,
            count if !self.0.can_send() => {
                Finding::Degraded(format!("{count} are due, and no way to send them is set up"))
            }
            count if late > NOTABLE_LAG => {
                Finding::Degraded(format!("{count} are due, the first since {late} seconds"))
            }
            _ => Finding::Good,
        }
    }
}

impl Policy for Reminders {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn takes(&self, _event_type: &str) -> bool {
        // What is due follows from the read model, which follows the log.
        false
    }

    fn follow<'a>(&'a self, _event: &'a RecordedEvent) -> BoxFuture<'a, Result<(), PolicyError>> {
        async { Ok(()) }.boxed()
    }

    fn tick(&self) -> BoxFuture<'_, Result<(), PolicyError>> {
        async { self.0.work().await.map_err(PolicyError::from) }.boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        last_messages(&self.0.sending).boxed()
    }
}

impl Reminding {
    fn can_send(&self) -> bool {
        Channel::ALL.iter().any(|channel| self.messengers.can(*channel))
    }

    /// As whom a message is worked on.
    fn context(&self, message: &Message) -> CommandContext {
        CommandContext { correlation_id: message.id, ..CommandContext::system(message.facility) }
    }

    /// Does what there is to do now.
    async fn work(self: &Arc<Self>) -> Result<(), WorkError> {
        self.bury_the_dead().await?;
        let now = self.clock.now();
        if self.can_send() {
            let mut messages = self.outbox.ready(now, i64::from(BATCH)).await?;
            messages.extend(self.gather(now).await?);
            let tries = messages.into_iter().map(|message| {
                let this = Arc::clone(self);
                // A task of its own, which ends when the message has.
                let sending = self.sending.spawn(async move { this.attempt(message).await });
                async { sending.await.unwrap_or(Err(WorkError::Panicked)) }
            });
            let outcomes: Vec<_> = stream::iter(tries).buffer_unordered(TOGETHER).collect().await;
            outcomes.into_iter().collect::<Result<(), _>>()?;
        }
        self.observe(now).await
    }

    /// Messages that were in the hands of a server which is dead: they may have left, so they do not leave again.
    async fn bury_the_dead(&self) -> Result<(), WorkError> {
        for message in self.outbox.orphans().await? {
            let outcome = ReminderOutcome::Sent { channel: message.channel, message_id: message.id, certain: false };
            self.note(&message, &message.reminders, outcome).await?;
            self.outbox.bury(&message).await?;
            tracing::warn!(message_id = %message.id, "a server ended while it sent a reminder; it is not sent again");
        }
        Ok(())
    }

    /// What is due, as one message for each patient, day and channel.
    async fn gather(&self, now: Timestamp) -> Result<Vec<Message>, WorkError> {
        let claimed = self.outbox.claimed().await?;
        let due = self.queries.due(now, &claimed, BATCH).await?;
        let mut groups: BTreeMap<(FacilityId, PatientId, Date, Channel), Vec<DueReminder>> = BTreeMap::new();
        for reminder in due {
            let DueReminder { facility_id, patient_id, day, key, .. } = reminder;
            let channel = self.reachable(facility_id, patient_id, key.rule.channel).await?;
            groups.entry((facility_id, patient_id, day, channel)).or_default().push(reminder);
        }
        let mut messages = Vec::with_capacity(groups.len());
        for ((facility, patient, _, channel), reminders) in groups {
            let reminders =
                reminders.iter().map(|due| ClaimedReminder { key: due.key, expires_at: due.expires_at }).collect();
            let message = Message { id: Uuid::now_v7(), facility, patient, channel, attempts: 0, reminders };
            if self.outbox.plan(&message, now).await? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    async fn observe(&self, now: Timestamp) -> Result<(), WorkError> {
        let backlog = self.queries.backlog(now).await?;
        metrics::gauge!(DUE).set(backlog.count as f64);
        let lag = backlog.since.map_or(0.0, |since| since.duration_until(now).as_secs_f64());
        metrics::gauge!(LAG_SECONDS).set(lag);
        *self.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
        Ok(())
    }
}
