//! Reminders of appointments: how long before, by which channel, and when nobody is to be disturbed. A practice decides for
//! all its appointments and for kinds of them, and an appointment may have reminders of its own.
//!
//! ```text
//!   rules (practice, kind, appointment) ──┐
//!   when the appointment begins ──────────┼──► [`due`]: from when and until when each reminder is worth sending
//!   quiet hours on the practice's wall ───┘
//! ```
//!
//! What was sent, or could not be, is an event of the appointment and names the beginning that it was about: a reminder of an
//! appointment that was moved meanwhile is a reminder of another time.

mod due;
mod lead_time;
mod plan;
mod settings;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::due::{QuietHours, due};
pub use self::lead_time::LeadTime;
pub use self::plan::{Booking, PlannedReminder, ReminderPlan};
pub use self::settings::{LONGEST_LEAD, MOST_REMINDERS, ReminderSettings, SHORTEST_LEAD, in_order, rule_violations};
use crate::values::{Channel, code_value};

/// One reminder of an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderRule {
    /// By which channel, if the patient can be reached by it; else by the other.
    pub channel: Channel,
    /// How long before the appointment begins.
    pub minutes_before: u32,
}

impl ReminderRule {
    /// How long before the appointment begins.
    pub fn lead(self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes_before.into())
    }
}

code_value! {
    /// Why a patient was not reminded.
    ReminderFailure("reminder_failure_code", "Why the patient was not reminded.") {
        /// There is neither an address nor a number by which the patient can be reached.
        Unreachable = "unreachable",
        /// The patient's file is archived, or was erased.
        NotFollowed = "not_followed",
        /// The mail server or the gateway refused the message for good.
        Refused = "refused",
        /// It could not be sent in time, however often it was tried.
        GivenUp = "given_up",
    }
}

/// What became of one reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderMark {
    /// Which reminder.
    #[serde(flatten)]
    pub rule: ReminderRule,
    /// Of an appointment that began then.
    pub starts: Timestamp,
    /// What became of it.
    pub outcome: ReminderOutcome,
}

/// How a reminder ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ReminderOutcome {
    /// It was sent.
    Sent {
        /// By this channel.
        channel: Channel,
        /// In this message.
        message_id: Uuid,
        /// Whether it is known to have been taken; if not, the connection or the server broke at the very moment when it was
        /// handed over, and it is not sent twice.
        certain: bool,
    },
    /// It was not.
    Failed {
        /// Why.
        cause: ReminderFailure,
    },
}
