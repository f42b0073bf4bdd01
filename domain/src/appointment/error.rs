//! Why a command on an appointment is refused.

use jiff::Timestamp;

use super::details::AppointmentStatus;
use super::schedule::Conflict;
use crate::refusal::{Refusal, Refused};
use crate::scheduling::Interval;
use crate::values::Violation;

/// Why a command on an appointment is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppointmentError {
    /// There is no such appointment.
    #[error("there is no such appointment")]
    NotBooked,
    /// It was booked already.
    #[error("the appointment is already booked")]
    AlreadyBooked,
    /// No slot is kept.
    #[error("no slot is held")]
    NotHeld,
    /// The slot is still kept.
    #[error("the slot is held until {until}")]
    StillHeld {
        /// Until when.
        until: Timestamp,
    },
    /// It is not where it should be in its life.
    #[error("this cannot happen to an appointment that is {}", crate::values::CodeValue::code(*status))]
    NotNow {
        /// Where it is.
        status: AppointmentStatus,
    },
    /// Nobody failed to come to what has not begun.
    #[error("the appointment begins at {starts}")]
    NotBegun {
        /// When it begins.
        starts: Timestamp,
    },
    /// What the patient answers to is at another time now.
    #[error("the appointment was moved")]
    Moved,
    /// It is too late for an answer of the patient.
    #[error("the appointment has begun")]
    Begun,
    /// The practitioner sees nobody then.
    #[error("the practitioner is not available at that time")]
    OutsideAvailability {
        /// When the practitioner sees patients around that time.
        open: Vec<Interval>,
    },
    /// The practice lets no appointments of this practitioner overlap.
    #[error("appointments of this practitioner may not overlap")]
    OverlapNotAllowed,
    /// Somebody or something is taken.
    #[error("{} conflict(s) with other appointments", .0.len())]
    Conflicts(Vec<Conflict>),
    /// The data are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
}

impl Refused for AppointmentError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NotBooked | Self::NotHeld => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::AlreadyBooked
            | Self::StillHeld { .. }
            | Self::NotNow { .. }
            | Self::NotBegun { .. }
            | Self::Moved
            | Self::Begun => Refusal::NotNow(self.sentence()),
            Self::OutsideAvailability { .. } | Self::OverlapNotAllowed | Self::Conflicts(_) => Refusal::Other(self),
        }
    }
}
