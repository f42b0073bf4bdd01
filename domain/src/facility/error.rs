//! Why a command on a practice is refused.

use crate::refusal::{Refusal, Refused};
use crate::values::Violation;

/// Why a command on a practice is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FacilityError {
    /// It has to be opened before anything else.
    #[error("the facility is not open")]
    NotOpen,
    /// It can be opened once.
    #[error("the facility is already open")]
    AlreadyOpen,
    /// The IANA database does not know the time zone.
    #[error("unknown time zone")]
    UnknownTimeZone,
    /// There is no such room, or it is closed.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The room is there already.
    #[error("the room was added already")]
    RoomExists,
    /// The settings, permissions or rooms are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
}

impl Refused for FacilityError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NotOpen | Self::NoSuchRoom => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::AlreadyOpen | Self::UnknownTimeZone | Self::RoomExists => Refusal::NotNow(self.sentence()),
        }
    }
}
