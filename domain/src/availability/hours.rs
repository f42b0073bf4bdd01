//! What availability is made of: hours, leave, and how close bookings may come.

use jiff::civil::{Date, DateTime, Weekday};
use serde::{Deserialize, Serialize};

use crate::scheduling::TimeSlot;
use crate::values::code_value;

/// The hours of one day of each week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DayHours {
    /// Which day; 0 is Sunday.
    #[serde(with = "sunday_is_zero")]
    pub day_of_week: Weekday,
    /// The parts of the day, in order.
    pub time_slots: Vec<TimeSlot>,
}

/// Hours on one day, besides the usual ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraHours {
    /// The day.
    pub date: Date,
    /// The parts of the day, in order.
    pub time_slots: Vec<TimeSlot>,
}

/// A time for which a practitioner is away, as the clock on the wall tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leave {
    /// When it begins.
    pub from: DateTime,
    /// When it ends.
    pub until: DateTime,
    /// What it is for.
    pub kind: LeaveKind,
}

code_value! {
    /// What a leave is for. Illness has no code of its own: the calendar is open to the whole practice, and in its log for
    /// ever.
    LeaveKind("leave_kind_code", "What the leave is for.") {
        /// Holidays.
        Holiday = "holiday",
        /// Training or a congress.
        Training = "training",
        /// Work in another place.
        Elsewhere = "elsewhere",
        /// Anything else.
        Other = "other",
    }
}

/// How close bookings may come, to each other and to the moment at which they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookingRules {
    /// How long before an appointment nothing else is offered.
    pub buffer_before_minutes: u16,
    /// How long after an appointment nothing else is offered.
    pub buffer_after_minutes: u16,
    /// How long beforehand a slot is last offered.
    pub notice_minutes: u16,
    /// Whether an appointment may be booked over another on purpose, for a reason.
    pub overlap_allowed: bool,
}

impl BookingRules {
    /// How far two appointments are apart at least: what follows the one and what precedes the other.
    pub fn buffer_minutes(self) -> u16 {
        self.buffer_before_minutes.saturating_add(self.buffer_after_minutes)
    }
}

/// The day of the week as the web client counts it.
mod sunday_is_zero {
    use jiff::civil::Weekday;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(day: &Weekday, serializer: S) -> Result<S::Ok, S::Error> {
        day.to_sunday_zero_offset().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weekday, D::Error> {
        Weekday::from_sunday_zero_offset(i8::deserialize(deserializer)?)
            .map_err(|_| D::Error::custom("no day of the week"))
    }
}
