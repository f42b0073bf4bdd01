//! One try to send one message, and what is noted of it. In this order, and each on disk before the next:
//!
//! ```text
//! composed ─► `planned` ─► the other side is ready ─► nothing changed? ─► `handing_over` ─► sent ─► ReminderSent ─► forgotten
//!                │                                                              │
//!   killed here: sent again, under the same id                     killed here: nobody knows; never sent again
//! ```

use std::time::Duration;

use domain::reminder::{ReminderFailure, ReminderMark, ReminderOutcome};
use domain::values::CodeValue;
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use uuid::Uuid;

use super::compose::{Composed, Judged, SendDecision};
use super::outbox::{ClaimedReminder, Message};
use super::{FAILED, Reminding, SENT, WorkError};
use crate::messaging::{DeliveryError, SendError};

/// How often a message is tried.
const MOST_ATTEMPTS: i32 = 12;

/// How long until a message is tried again: doubled from the first to the second.
const BACKOFF: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(30), SignedDuration::from_hours(1));

/// How long it is tried to note what became of a message that left, and how often a second.
const NOTING: u32 = 120;
const NOTE_AGAIN: Duration = Duration::from_millis(500);

/// Why a message was not handed over after all.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHandedOver {
    /// Something that it was made of changed in the meantime.
    #[error("what the message says changed in the meantime")]
    Changed,
    /// Another server has it.
    #[error("another server sends the message")]
    Taken,
    /// The house could not tell, or not note it.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Reminding {
    /// Tries to send a message.
    pub(super) async fn attempt(&self, mut message: Message) -> Result<(), WorkError> {
        let now = self.clock.now();
        let Judged { decision, stale, late } = self.compose(&message, now).await?;
        if !late.is_empty() {
            self.fail(&message, &late, ReminderFailure::GivenUp).await?;
        }
        let gone: Vec<_> = stale.iter().chain(&late).copied().collect();
        if !gone.is_empty() {
            let keys: Vec<_> = gone.iter().map(|reminder| reminder.key).collect();
            self.outbox.release(&message, &keys).await?;
            message.reminders.retain(|reminder| !gone.contains(reminder));
        }
        match decision {
            SendDecision::Send(composed) => self.send(&message, &composed).await,
            SendDecision::Wait(until) => {
                let unchanged = (message.attempts, None);
                Ok(self.outbox.postpone(&message, Uuid::nil(), unchanged, until).await?)
            }
            SendDecision::Fail(reminders, cause) => {
                self.fail(&message, &reminders, cause).await?;
                Ok(self.outbox.close(&message, None).await?)
            }
            SendDecision::Nothing => Ok(self.outbox.close(&message, None).await?),
        }
    }

    async fn send(&self, message: &Message, composed: &Composed) -> Result<(), WorkError> {
        let holder = Uuid::now_v7();
        let handing_over = async {
            if !self.is_still_so(message, composed).await? {
                return Err(NotHandedOver::Changed);
            }
            let ours = self.outbox.hand_over(message, holder).await.map_err(WorkError::from)?;
            if ours { Ok(()) } else { Err(NotHandedOver::Taken) }
        };
        let attempts = message.attempts + 1;
        match self.messengers.send(&composed.outgoing, handing_over).await {
            Ok(()) => self.sent(message, composed, holder, true).await,
            Err(SendError::Delivery(DeliveryError::Unknown(cause))) => {
                tracing::warn!(message_id = %message.id, %cause, "nobody knows whether a reminder arrived; it is not sent again");
                self.sent(message, composed, holder, false).await
            }
            Err(SendError::Delivery(DeliveryError::Permanent(cause))) => {
                tracing::info!(message_id = %message.id, %cause, "a reminder was refused");
                self.persist(|| self.fail(message, &composed.reminders, ReminderFailure::Refused)).await?;
                Ok(self.outbox.close(message, Some(holder)).await?)
            }
            Err(SendError::Delivery(DeliveryError::Transient(cause))) if attempts >= MOST_ATTEMPTS => {
                tracing::warn!(message_id = %message.id, %cause, attempts, "a reminder is given up");
                self.persist(|| self.fail(message, &composed.reminders, ReminderFailure::GivenUp)).await?;
                Ok(self.outbox.close(message, Some(holder)).await?)
            }
            Err(SendError::Delivery(DeliveryError::Transient(cause))) => {
                let again = self.clock.now().saturating_add(backoff(attempts)).unwrap_or(Timestamp::MAX);
                tracing::debug!(message_id = %message.id, %cause, attempts, "a reminder is tried again");
                let noted = (attempts, Some(cause.to_string()));
                Ok(self.outbox.postpone(message, holder, noted, again).await?)
            }
            // It is looked at anew with the next tick.
            Err(SendError::HandingOver(NotHandedOver::Changed | NotHandedOver::Taken)) => Ok(()),
            Err(SendError::HandingOver(NotHandedOver::Work(error))) => Err(error),
        }
    }

    async fn sent(&self, message: &Message, composed: &Composed, holder: Uuid, certain: bool) -> Result<(), WorkError> {
        let channel = composed.outgoing.recipient.channel();
        let outcome = ReminderOutcome::Sent { channel, message_id: message.id, certain };
        // It left: whatever happens to the database meanwhile, this server is the one that knows.
        self.persist(|| self.note(message, &composed.reminders, outcome)).await?;
        let certain = if certain { "true" } else { "false" };
        let count = composed.reminders.len() as u64;
        metrics::counter!(SENT, "channel" => channel.code(), "certain" => certain).increment(count);
        Ok(self.outbox.close(message, Some(holder)).await?)
    }

    async fn fail(
        &self,
        message: &Message,
        reminders: &[ClaimedReminder],
        cause: ReminderFailure,
    ) -> Result<(), WorkError> {
        self.note(message, reminders, ReminderOutcome::Failed { cause }).await?;
        metrics::counter!(FAILED, "cause" => cause.code()).increment(reminders.len() as u64);
        Ok(())
    }

    /// Writes what became of reminders to their appointments, unless it stands there already.
    pub(super) async fn note(
        &self,
        message: &Message,
        reminders: &[ClaimedReminder],
        outcome: ReminderOutcome,
    ) -> Result<(), WorkError> {
        let mut notes: Vec<(_, Vec<ReminderMark>)> = Vec::new();
        for ClaimedReminder { key, .. } in reminders {
            let mark = ReminderMark { rule: key.rule, starts: key.starts, outcome };
            match notes.iter_mut().find(|(id, _)| *id == key.appointment_id) {
                Some((_, marks)) => marks.push(mark),
                None => notes.push((key.appointment_id, vec![mark])),
            }
        }
        let context = self.context(message);
        self.commands.note_reminders(&notes, &context).await.map_err(WorkError::writing)?;
        Ok(())
    }

    /// Does something that must be done, as long as there is hope.
    async fn persist<F>(&self, mut work: impl FnMut() -> F) -> Result<(), WorkError>
    where
        F: Future<Output = Result<(), WorkError>>,
    {
        for _ in 1..NOTING {
            match work().await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(%error, "what became of a reminder cannot be noted yet"),
            }
            tokio::time::sleep(NOTE_AGAIN).await;
        }
        work().await
    }
}

/// With jitter, so that what failed together does not come together again.
fn backoff(attempts: i32) -> SignedDuration {
    let doublings = attempts.clamp(1, 16) - 1;
    let longest = (BACKOFF.0 * 2_i32.pow(doublings.unsigned_abs())).min(BACKOFF.1);
    let milliseconds = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    SignedDuration::from_millis(rand::rng().random_range(milliseconds / 2..=milliseconds))
}
