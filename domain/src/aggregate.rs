//! What every aggregate of the house has in common, beyond what `cqrs-es` asks of it.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::event::LoggedEvent;
use crate::ids::{StreamId, SubjectId};
use crate::refusal::Refused;

/// An aggregate whose events go to the log. Its stream is `<TYPE>-<id>`.
pub trait AggregateRoot:
    cqrs_es::Aggregate<Event: LoggedEvent, Command: Clone + Send + Sync, Error: Refused + Send + Sync> + Clone + 'static
{
    /// The person whose data the stream of this id holds, if any, as far as the state tells.
    fn subject(&self, id: Uuid) -> Option<SubjectId>;

    /// Whether the first event of a stream makes its subject known, so that a data key is made with it.
    const INTRODUCES_SUBJECT: bool = false;

    /// Whether events of this type change what a document of the aggregate shows. The others leave the version alone by
    /// which its readers and `If-Match` know it.
    fn shows(_event_type: &str) -> bool {
        true
    }

    /// The stream of the aggregate with this id.
    fn stream(id: Uuid) -> StreamId {
        StreamId::of(Self::TYPE, id)
    }
}

/// When and on which day a decision is made. The domain has no clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// This instant.
    pub now: Timestamp,
    /// Today, where the practice is.
    pub today: Date,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::user::User;

    #[test]
    fn every_event_shows_unless_its_aggregate_says_otherwise() {
        assert!(Patient::shows("PatientRegistered") && Patient::shows("anything"));
        assert!(User::shows("UserRegistered") && !User::shows("LoggedIn"));
    }
}
