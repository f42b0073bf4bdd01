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
mod plan;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::due::{Due, QuietHours, due};
pub use self::plan::{Booking, PlannedReminder, ReminderPlan};
pub use self::settings::{LONGEST_LEAD, MOST_REMINDERS, ReminderSettings, SHORTEST_LEAD, in_order, rule_violations};
use crate::values::{Channel, RuleBroken, code_value};

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

/// How long before, as the web client writes it: `24h_before`, `90min_before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeadTime {
    /// In minutes.
    pub minutes: u32,
}

impl LeadTime {
    /// What the API's schema says of it.
    pub const PATTERN: &'static str = "^[1-9][0-9]{0,4}(min|h|d)_before$";
}

impl fmt::Display for LeadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            minutes if minutes % 60 == 0 => write!(f, "{}h_before", minutes / 60),
            minutes => write!(f, "{minutes}min_before"),
        }
    }
}

impl FromStr for LeadTime {
    type Err = RuleBroken;

    fn from_str(raw: &str) -> Result<Self, RuleBroken> {
        let parsed = raw.strip_suffix("_before").and_then(|lead| {
            let unit = lead.find(|c: char| !c.is_ascii_digit())?;
            let (digits, unit) = lead.split_at(unit);
            let minutes = match unit {
                "min" => 1,
                "h" => 60,
                "d" => 24 * 60,
                _ => return None,
            };
            let written = digits.len() <= 5 && !digits.starts_with('0');
            let count: u32 = digits.parse().ok().filter(|_| written)?;
            Some(Self { minutes: count * minutes })
        });
        parsed.ok_or_else(|| {
            RuleBroken::new("lead_time", "The value must be a time before the appointment, such as 24h_before.")
        })
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
