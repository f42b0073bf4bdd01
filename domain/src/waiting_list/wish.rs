//! What somebody waits for, and whether a slot is that.

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use crate::appointment::{AppointmentPriority, AppointmentType, Slot};
use crate::ids::{AppointmentId, UserId};
use crate::scheduling::{PracticeTime, TimeSlot, stretch};
use crate::values::{Channel, Specialty, TextValue, code_value};

/// How many practitioners a wish names at most.
pub const MOST_PRACTITIONERS: usize = 20;

/// How many parts of the day a wish names at most.
pub const MOST_TIMES: usize = 10;

code_value! {
    /// Where a place on the waiting list is in its life.
    WaitingStatus("waiting_status_code", "Where the place on the waiting list is in its life.") {
        /// The patient waits.
        Waiting = "waiting",
        /// A slot is offered to them.
        Offered = "offered",
        /// They took one.
        Served = "served",
        /// They wait no more.
        Left = "left",
    }
}

impl WaitingStatus {
    /// Whether the patient still wants a time.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Offered => true,
            Self::Served | Self::Left => false,
        }
    }
}

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// With whom.
    #[serde(flatten)]
    pub whom: WishFor,
    /// The kind of visit.
    #[serde(rename = "type")]
    pub kind: AppointmentType,
    /// How pressing it is: who waits for something more pressing is first in line.
    pub priority: AppointmentPriority,
    /// How long the visit takes.
    pub duration_minutes: u16,
    /// The first day that suits.
    pub earliest: Date,
    /// The last day that suits.
    pub latest: Date,
    /// Which days of the week suit; all if none is named.
    #[serde(default, with = "days", skip_serializing_if = "Vec::is_empty")]
    pub days_of_week: Vec<Weekday>,
    /// Which parts of the day suit; all of it if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeSlot>,
    /// The later appointment that is to be moved; a new one is booked if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment_id: Option<AppointmentId>,
    /// How the patient is to be told; as their file allows if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

/// With whom an appointment is waited for: one of these practitioners, or anybody of this specialty; if neither is said,
/// anybody who treats patients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WishFor {
    /// Any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub practitioner_ids: Vec<UserId>,
    /// Or anybody of this specialty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialty: Option<Specialty>,
}

impl WishFor {
    /// Whether a practitioner of these specialties will do.
    pub fn allows(&self, practitioner: UserId, specialties: &[String]) -> bool {
        let anybody = self.practitioner_ids.is_empty() && self.specialty.is_none();
        let of_specialty =
            self.specialty.as_ref().is_some_and(|wanted| specialties.iter().any(|s| s == wanted.as_str()));
        anybody || of_specialty || self.practitioner_ids.contains(&practitioner)
    }
}

impl Wish {
    /// Whether a slot with a practitioner of these specialties is what is waited for.
    pub fn allows(&self, slot: &Slot, specialties: &[String], time: &PracticeTime) -> bool {
        let date = time.zone.to_datetime(slot.during.from).date();
        let part_of = |part: &TimeSlot| stretch(part.start.on(date), part.end.on(date), &time.zone);
        self.whom.allows(slot.practitioner_id, specialties)
            && (self.earliest..=self.latest).contains(&date)
            && (self.days_of_week.is_empty() || self.days_of_week.contains(&date.weekday()))
            && (self.times.is_empty() || self.times.iter().filter_map(part_of).any(|part| part.contains(slot.during)))
    }
}

/// Days of the week as the web client counts them.
mod days {
    use jiff::civil::Weekday;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(days: &[Weekday], serializer: S) -> Result<S::Ok, S::Error> {
        days.iter().map(|day| day.to_sunday_zero_offset()).collect::<Vec<i8>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
        let days = Vec::<i8>::deserialize(deserializer)?.into_iter();
        days.map(|day| Weekday::from_sunday_zero_offset(day).map_err(|_| D::Error::custom("no day of the week")))
            .collect()
    }
}
