//! The end of the log in memory: the last events that this server wrote, as its readers would read them.
//!
//! Projections and the publisher mostly wait for events that their own server wrote a moment ago. From here they have them
//! without a query, and without decrypting what was just encrypted. [`appending`](crate::appending) fills the tail; a reader
//! that needs a position outside it reads the log. The tail never has a gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::event::RecordedEvent;
use domain::ids::Position;

/// More events than readers are behind while they keep up; about 2 KB each.
const LONGEST: usize = 2048;

/// Readers take an event within milliseconds. What they left is personal content that need not stay in memory.
const OLDEST: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Tail(Mutex<VecDeque<Kept>>);

struct Kept {
    since: Instant,
    event: Arc<RecordedEvent>,
}

impl Tail {
    /// Adds events that are on disk, in the order of their positions. If another server wrote in between, the tail begins
    /// anew.
    pub(crate) fn extend(&self, events: impl IntoIterator<Item = RecordedEvent>) {
        let since = Instant::now();
        let mut kept = self.kept();
        for event in events {
            if kept.back().is_some_and(|last| last.event.position.next() != event.position) {
                kept.clear();
            }
            kept.push_back(Kept { since, event: Arc::new(event) });
        }
        while kept.len() > LONGEST || kept.front().is_some_and(|first| first.since.elapsed() > OLDEST) {
            kept.pop_front();
        }
    }

    /// At most `limit` events after `position`; none if the first of them is not here.
    pub(crate) fn after(&self, position: Position, limit: u32) -> Option<Vec<Arc<RecordedEvent>>> {
        let kept = self.kept();
        let first = kept.front()?.event.position;
        // A client may name any position, also the greatest.
        let skipped = position.get().checked_add(1)?.checked_sub(first.get())?;
        let events = kept.iter().skip(usize::try_from(skipped).ok()?).take(limit as usize);
        let events: Vec<_> = events.map(|kept| Arc::clone(&kept.event)).collect();
        (!events.is_empty()).then_some(events)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::event::{Actor, EventMetadata};
    use domain::ids::{EventId, FacilityId, StreamId, StreamVersion};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn event(position: u64) -> RecordedEvent {
        RecordedEvent {
            position: Position::from(position),
            event_id: EventId(Uuid::nil()),
            stream: StreamId::of("note", Uuid::nil()),
            version: StreamVersion::ZERO.next(),
            event_type: "Noted".to_owned(),
            schema_version: 1,
            facility_id: FacilityId(Uuid::nil()),
            subject_id: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            occurred_at: Timestamp::UNIX_EPOCH,
            metadata: EventMetadata {
                actor: Actor::SYSTEM,
                client_address: None,
                request_id: None,
                correlation_id: Uuid::nil(),
                causation_id: None,
                idempotency_key: None,
            },
            reason: None,
            forgotten: false,
            payload: serde_json::json!({}).into(),
        }
    }

    fn positions(tail: &Tail, after: u64, limit: u32) -> Option<Vec<u64>> {
        let found = tail.after(Position::from(after), limit)?;
        Some(found.iter().map(|event| event.position.get()).collect())
    }

    #[test]
    fn it_gives_what_follows_a_position_or_nothing() {
        let tail = Tail::default();
        assert_eq!(positions(&tail, 0, 10), None);
        tail.extend([event(5), event(6), event(7)]);
        assert_eq!(positions(&tail, 4, 10), Some(vec![5, 6, 7]));
        assert_eq!(positions(&tail, 5, 1), Some(vec![6]));
        assert_eq!(positions(&tail, 3, 10), None, "4 is in the log alone");
        assert_eq!(positions(&tail, 7, 10), None);
        assert_eq!(positions(&tail, 9, 10), None);
    }

    #[test]
    fn what_another_server_wrote_in_between_is_not_skipped() {
        let tail = Tail::default();
        tail.extend([event(5)]);
        tail.extend([event(7)]);
        assert_eq!(positions(&tail, 4, 10), None);
        assert_eq!(positions(&tail, 5, 10), None, "6 is in the log alone");
        assert_eq!(positions(&tail, 6, 10), Some(vec![7]));
    }

    #[test]
    fn it_is_bounded() {
        let tail = Tail::default();
        tail.extend((1..=LONGEST as u64 + 1).map(event));
        assert_eq!(positions(&tail, 0, 1), None);
        assert_eq!(positions(&tail, 1, 1), Some(vec![2]));
    }
}
