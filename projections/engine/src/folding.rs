//! From events to states: of one aggregate, or of all streams in a batch. The states before the batch come from the read
//! model's rows; those after it go back there.

use std::collections::{HashMap, HashSet};

use domain::aggregate::AggregateRoot;
use domain::event::{LoggedEvent, RecordedEvent, UnreadableEvent};
use domain::ids::{FacilityId, Position, StreamVersion};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::projection::{ProjectionError, Transaction};
use crate::stored::json_cell;

/// Applies an event to the state of its stream.
pub fn follow<A: AggregateRoot>(state: &mut A, event: &RecordedEvent) -> Result<(), UnreadableEvent> {
    state.apply(event.decode()?);
    Ok(())
}

/// An aggregate after a batch.
pub struct Folded<A> {
    /// The practice of the stream.
    pub facility_id: FacilityId,
    /// The state right after the batch.
    pub state: A,
    /// The version of the last event that the read model takes.
    pub version: StreamVersion,
    /// The position of the stream's first event in the batch. For a new row this is its beginning. No upsert touches that of
    /// an older row.
    pub first_position: Position,
    /// When the log took the first event of the stream. Where `known` does not say so, the first of the batch.
    pub created_at: Timestamp,
    /// When the log took the last event.
    pub updated_at: Timestamp,
}

/// By the id in the name of the stream.
pub type States<A> = HashMap<Uuid, Folded<A>>;

/// The streams of a batch.
pub fn changed(events: &[RecordedEvent]) -> HashSet<Uuid> {
    events.iter().map(|event| event.stream.id()).collect()
}

/// The streams that begin in a batch.
pub fn begun(events: &[RecordedEvent]) -> HashSet<Uuid> {
    let first = events.iter().filter(|event| event.version == StreamVersion::ZERO.next());
    first.map(|event| event.stream.id()).collect()
}

/// Follows a batch from the states that were there before it. `known` reads those of the streams in `$1`: their `id`,
/// `facility_id`, `state`, `version` and `created_at`, which may be NULL. Of streams that it is not asked for there was
/// nothing. `column` stands in the error if a state cannot be read.
pub async fn follow_from<A: AggregateRoot + Default + DeserializeOwned>(
    asked: impl IntoIterator<Item = Uuid>,
    known: &str,
    column: &'static str,
    events: &[RecordedEvent],
    tx: &Transaction<'_>,
) -> Result<States<A>, ProjectionError> {
    let asked: Vec<Uuid> = asked.into_iter().collect();
    let mut before: HashMap<Uuid, (FacilityId, A, StreamVersion, Option<Timestamp>)> = HashMap::new();
    if !asked.is_empty() {
        let known = tx.prepare_cached(known).await?;
        for row in tx.query(&known, &[&asked]).await? {
            let state = json_cell(&row, "state", column)?;
            let version = StreamVersion::from_sql(row.try_get("version")?);
            let facility_id = FacilityId(row.try_get("facility_id")?);
            before.insert(row.try_get("id")?, (facility_id, state, version, row.try_get("created_at")?));
        }
    }
    let mut states = States::new();
    for event in events {
        let id = event.stream.id();
        let folded = states.entry(id).or_insert_with(|| {
            let nothing = || (event.facility_id, A::default(), StreamVersion::ZERO, None);
            let (facility_id, state, version, created_at) = before.remove(&id).unwrap_or_else(nothing);
            let (first_position, updated_at) = (event.position, event.recorded_at);
            let created_at = created_at.unwrap_or(event.recorded_at);
            Folded { facility_id, state, version, first_position, created_at, updated_at }
        });
        if !in_step::<A>(folded.version, event.version) {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut folded.state, event)?;
        (folded.version, folded.updated_at) = (event.version, event.recorded_at);
    }
    Ok(states)
}

/// Whether an event may follow. If the aggregate hides some types of events, hidden ones may lie between two shown ones. The
/// first event is never hidden.
fn in_step<A: AggregateRoot>(before: StreamVersion, version: StreamVersion) -> bool {
    let hides_some = || A::Event::TYPES.iter().any(|(name, _)| !A::shows(name));
    version == before.next() || (before != StreamVersion::ZERO && version > before && hides_some())
}
