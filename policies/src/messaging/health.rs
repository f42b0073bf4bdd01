//! How a way of reaching patients is doing, as its last message went: for `health/ready` and the metrics.

use std::sync::{Mutex, PoisonError};

use domain::values::{Channel, CodeValue};

use super::{Cause, DeliveryError, SendError};

/// How a way of reaching patients is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelHealth {
    /// It is not set up: nobody is reached this way.
    NotConfigured,
    /// The last message went, or was refused for a reason of its own; or none was sent yet.
    Good,
    /// The last message did not go, and the next one will hardly.
    Failing(Cause),
}

/// The last outcome.
#[derive(Default)]
pub(super) struct HealthLog(Mutex<Option<Cause>>);

impl HealthLog {
    pub(super) fn read(&self) -> ChannelHealth {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or(ChannelHealth::Good, ChannelHealth::Failing)
    }

    /// What a recipient refuses for good says nothing about the way to others, and neither does a step of our own.
    pub(super) fn observe<E>(&self, channel: Channel, outcome: &Result<(), SendError<E>>) {
        let (name, failing) = match outcome {
            Ok(()) => ("sent", None),
            Err(SendError::Delivery(DeliveryError::Permanent(_))) => ("refused", None),
            Err(SendError::Delivery(DeliveryError::Transient(cause))) => ("failed", Some(*cause)),
            Err(SendError::Delivery(DeliveryError::Unknown(cause))) => ("unknown", Some(*cause)),
            Err(SendError::HandingOver(_)) => return,
        };
        metrics::counter!("messages_total", "channel" => channel.code(), "outcome" => name).increment(1);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }
}
