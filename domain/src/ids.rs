//! Identifiers. Each has its own type, so that a patient's id cannot be handed over where a user's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

identifier!(
    /// A practice or clinic.
    FacilityId
);
identifier!(
    /// A patient.
    PatientId
);
identifier!(
    /// A member of staff.
    UserId
);
identifier!(
    /// The person whom an event tells of, and under whose key its personal content is encrypted: a patient, or a member
    /// of staff.
    SubjectId
);
identifier!(
    /// A session: what one login began, on one device.
    SessionId
);
identifier!(
    /// An appointment.
    AppointmentId
);
identifier!(
    /// A leave of a practitioner.
    LeaveId
);
identifier!(
    /// Hours for which a practitioner is there besides the usual ones.
    ExtraHoursId
);
identifier!(
    /// A series of appointments.
    SeriesId
);
identifier!(
    /// Appointments of one patient on one day that were booked together.
    LinkId
);
identifier!(
    /// A room of a practice.
    RoomId
);
identifier!(
    /// A place on the waiting list.
    WaitingId
);
identifier!(
    /// A slot that was offered to somebody who waits.
    OfferId
);
identifier!(
    /// One event, a UUIDv7.
    EventId
);

impl From<PatientId> for SubjectId {
    fn from(patient: PatientId) -> Self {
        Self(patient.0)
    }
}

impl From<UserId> for SubjectId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

/// The name of one stream: `<aggregate>-<id>`, such as `patient-0198…`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(String);

/// A text that does not name a stream.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a stream is named <aggregate>-<uuid>")]
pub struct InvalidStreamId;

impl StreamId {
    /// The stream of the aggregate type `aggregate` with this id.
    pub fn of(aggregate: &str, id: Uuid) -> Self {
        Self(format!("{aggregate}-{id}"))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The aggregate type, such as `patient`.
    pub fn aggregate(&self) -> &str {
        self.split().0
    }

    /// The aggregate's own id.
    pub fn id(&self) -> Uuid {
        self.split().1
    }

    fn split(&self) -> (&str, Uuid) {
        split_stream_name(&self.0).unwrap_or((&self.0, Uuid::nil()))
    }
}

/// A UUID's hyphenated form is 36 characters long, and may be preceded by an aggregate name that has hyphens itself.
fn split_stream_name(name: &str) -> Option<(&str, Uuid)> {
    let at = name.len().checked_sub(36)?;
    let (aggregate, id) = (name.get(..at)?.strip_suffix('-')?, name.get(at..)?);
    (!aggregate.is_empty()).then_some((aggregate, Uuid::parse_str(id).ok()?))
}

impl FromStr for StreamId {
    type Err = InvalidStreamId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        split_stream_name(text).map(|_| Self(text.to_owned())).ok_or(InvalidStreamId)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.0)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Before the first.
            pub const ZERO: Self = Self(0);

            /// The value as a number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one right after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }

            /// The one `steps` after this.
            #[must_use]
            pub const fn plus(self, steps: u64) -> Self {
                Self(self.0 + steps)
            }

            /// From PostgreSQL's `bigint`; a negative number, which the tables' checks rule out, counts as zero.
            pub fn from_sql(value: i64) -> Self {
                Self(u64::try_from(value).unwrap_or(0))
            }

            /// As PostgreSQL's `bigint`; what does not fit cannot exist there, and saturates.
            pub fn to_sql(self) -> i64 {
                i64::try_from(self.0).unwrap_or(i64::MAX)
            }
        }

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

counter!(
    /// How many events a stream holds: the version of its last event, counted from 1. Zero is a stream without events.
    StreamVersion
);
counter!(
    /// A place in the log's one gapless order, counted from 1. Zero is before everything.
    Position
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_printed_by_its_name() {
        let stream = StreamId::of("waiting-list-entry", Uuid::from_u128(7));
        let name = "waiting-list-entry-00000000-0000-0000-0000-000000000007";
        assert_eq!((stream.to_string(), format!("{stream:?}")), (name.to_owned(), format!("StreamId({name})")));
    }

    #[test]
    fn a_stream_id_names_its_aggregate_and_its_id() {
        let id = Uuid::from_u128(7);
        let stream = StreamId::of("data-request", id);
        assert_eq!(stream.aggregate(), "data-request");
        assert_eq!(stream.id(), id);
        assert_eq!(stream.as_str().parse(), Ok(stream));
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for text in ["", "patient", "patient-", "patient-7", "-00000000-0000-0000-0000-000000000007", "é"] {
            assert_eq!(text.parse::<StreamId>(), Err(InvalidStreamId), "{text}");
        }
    }
}
