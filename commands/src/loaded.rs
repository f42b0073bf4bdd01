//! An aggregate as a server loads and remembers it.

use domain::aggregate::AggregateRoot;
use domain::event::RecordedEvent;
use domain::ids::{FacilityId, StreamVersion};
use jiff::Timestamp;

/// An aggregate as its stream tells it up to a version.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// Its state.
    pub aggregate: A,
    /// The version of its last event; zero if there is none.
    pub version: StreamVersion,
    /// The version of the last event that its document [shows](AggregateRoot::shows): what its `ETag` says.
    pub shown_version: StreamVersion,
    /// The practice it belongs to; none if there is no event.
    pub facility_id: Option<FacilityId>,
    /// When its first and its last event that its document shows were recorded; none if there is no event.
    pub recorded: Option<Recorded>,
}

/// Between which moments the document of an aggregate was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The first event.
    pub first: Timestamp,
    /// The last event so far.
    pub last: Timestamp,
}

impl Recorded {
    /// One more event.
    pub(crate) fn extend(before: Option<Self>, at: Timestamp) -> Option<Self> {
        Some(Self { first: before.map_or(at, |before| before.first), last: at })
    }
}

impl<A: AggregateRoot> Loaded<A> {
    pub(crate) fn nothing() -> Self {
        Self {
            aggregate: A::default(),
            version: StreamVersion::ZERO,
            shown_version: StreamVersion::ZERO,
            facility_id: None,
            recorded: None,
        }
    }

    /// Follows the stream by these events.
    pub(crate) fn follow(&mut self, events: &[RecordedEvent]) -> Result<(), domain::event::UnreadableEvent> {
        for event in events {
            self.aggregate.apply(event.decode()?);
            self.version = event.version;
            self.facility_id = Some(event.facility_id);
            if A::shows(&event.event_type) {
                self.shown_version = event.version;
                self.recorded = Recorded::extend(self.recorded, event.recorded_at);
            }
        }
        Ok(())
    }
}
