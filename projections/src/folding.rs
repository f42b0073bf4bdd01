//! From recorded events to the state of an aggregate.

use domain::aggregate::AggregateRoot;
use domain::event::{RecordedEvent, UnreadableEvent};

/// Takes the state from before an event of its stream to right after it.
pub(crate) fn follow<A: AggregateRoot>(state: &mut A, event: &RecordedEvent) -> Result<(), UnreadableEvent> {
    state.apply(event.decode()?);
    Ok(())
}
