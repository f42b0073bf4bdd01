//! What an appointment is about, and which times it takes of whom.

use serde::{Deserialize, Serialize};

use crate::ids::{RoomId, SeriesId, UserId};
use crate::scheduling::{Interval, united};
use crate::values::{Label, Notes, Reason, code_value};

code_value! {
    /// What kind of visit it is.
    AppointmentType("appointment_type_code", "Kind of visit.") {
        /// A consultation.
        Consultation = "consultation",
        /// A visit that follows another.
        FollowUp = "follow_up",
        /// An emergency, for which nobody waits for opening hours.
        Emergency = "emergency",
        /// A specialist's consultation.
        Specialist = "specialist",
        /// An examination.
        Exam = "exam",
        /// An operation.
        Surgery = "surgery",
    }
}

code_value! {
    /// How pressing it is.
    AppointmentPriority("appointment_priority_code", "How pressing the visit is.") {
        /// It can wait.
        Low = "low",
        /// As most.
        Normal = "normal",
        /// Soon.
        High = "high",
        /// At once.
        Urgent = "urgent",
    }
}

code_value! {
    /// Where an appointment is in its life.
    AppointmentStatus("appointment_status_code", "Where the appointment is in its life.") {
        /// A slot kept for some minutes, for nobody yet.
        Held = "held",
        /// A slot that was kept and given back.
        Released = "released",
        /// Booked.
        Scheduled = "scheduled",
        /// The patient said that they will come.
        Confirmed = "confirmed",
        /// The patient is here.
        Arrived = "arrived",
        /// The practitioner sees the patient.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Called off.
        Cancelled = "cancelled",
        /// The patient did not come.
        NoShow = "no_show",
    }
}

impl AppointmentStatus {
    /// Whether the patient has not been seen yet, and still may be.
    pub const fn is_ahead(self) -> bool {
        match self {
            Self::Scheduled | Self::Confirmed | Self::Arrived => true,
            Self::Held | Self::Released | Self::InProgress | Self::Completed | Self::Cancelled | Self::NoShow => false,
        }
    }

    /// Whether it takes anybody's time.
    pub const fn takes_time(self) -> bool {
        match self {
            Self::Released | Self::Cancelled | Self::NoShow => false,
            Self::Held | Self::Scheduled | Self::Confirmed | Self::Arrived | Self::InProgress | Self::Completed => true,
        }
    }

    /// Whether nothing can happen to it any more, but that what was called off or missed by mistake is restored.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled | Self::NoShow => true,
            Self::Held | Self::Released | Self::Scheduled | Self::Confirmed | Self::Arrived | Self::InProgress => false,
        }
    }
}

/// Which times are taken of which practitioner, and in which room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Who sees the patient.
    pub practitioner_id: UserId,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// From when until when.
    #[serde(flatten)]
    pub during: Interval,
    /// Further times that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_slots: Vec<Interval>,
}

impl Slot {
    /// All its times, as the fewest stretches.
    pub fn times(&self) -> Vec<Interval> {
        let mut times = self.additional_slots.clone();
        times.push(self.during);
        united(times)
    }

    /// From the beginning of its first time until the end of its last.
    pub fn hull(&self) -> Interval {
        let times = || self.additional_slots.iter().chain([&self.during]);
        Interval {
            from: times().map(|time| time.from).min().unwrap_or(self.during.from),
            until: times().map(|time| time.until).max().unwrap_or(self.during.until),
        }
    }
}

/// What an appointment is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The kind of visit.
    pub kind: AppointmentType,
    /// How pressing it is.
    pub priority: AppointmentPriority,
    /// What was written of it.
    pub texts: Texts,
}

/// What was written of an appointment. It is the patient's, so it stands under their key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Texts {
    /// What calendars show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Label>,
    /// Why the patient comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What else is good to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Notes>,
}

/// Why an appointment was called off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// In a sentence, if somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Its place in a series. It stays when the appointment is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// The series.
    pub series_id: SeriesId,
    /// When the series says that it begins, on the clock of the practice.
    pub original_start: jiff::civil::DateTime,
}
