//! What happened to one aggregate, told from the log itself: who changed what, from what to what, when and why; and what
//! it was at any earlier moment.
//!
//! The functions take any aggregate, and a function that makes its document.

use std::collections::BTreeSet;

use domain::aggregate::AggregateRoot;
use domain::event::{Actor, RecordedEvent, UnreadableEvent};
use domain::ids::{FacilityId, Position, StreamVersion};
use event_store_schema::{EventLog, LogError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::folding::follow;

/// The history cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event is not what this release understands.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// A state has no document.
    #[error("the state at version {0} cannot be written as a document")]
    NoDocument(StreamVersion),
}

/// One version of an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Which version.
    pub version: StreamVersion,
    /// Its place in the log.
    pub position: Position,
    /// What happened.
    pub event_type: String,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The request that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether personal content of it was erased.
    pub forgotten: bool,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// One field that has another value.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The field's path in the document, such as `contact.phone`.
    pub field: String,
    /// Its value before; null if it had none, or if it is forgotten.
    pub from: Option<Value>,
    /// Its value after; null likewise.
    pub to: Option<Value>,
}

/// Shows the field, never the values: a debug print must not carry personal data into a log.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Change({})", self.field)
    }
}

/// Up to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// As the log stood at this moment.
    Time(Timestamp),
    /// Right after this version.
    Version(StreamVersion),
    /// As the log stood at this position.
    Position(Position),
}

impl AsOf {
    fn includes(self, event: &RecordedEvent) -> bool {
        match self {
            Self::Time(time) => event.recorded_at <= time,
            Self::Version(version) => event.version <= version,
            Self::Position(position) => event.position <= position,
        }
    }
}

/// What an aggregate was at a moment.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The practice it belongs to.
    pub facility_id: FacilityId,
    /// Its document.
    pub document: Value,
    /// Its version.
    pub version: StreamVersion,
    /// Where in the log that version stands.
    pub position: Position,
    /// When the log took it.
    pub recorded_at: Timestamp,
}

/// The document may be personal, so a debug print names the version alone.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot(version {})", self.version)
    }
}

/// Every version of an aggregate, oldest first; none if the practice has no such aggregate. Without a practice (for
/// auditors' tools) the aggregate may be of any.
pub async fn history_of<A: AggregateRoot>(
    log: &EventLog,
    facility: Option<FacilityId>,
    id: Uuid,
    document: impl Fn(&A) -> serde_json::Result<Map<String, Value>>,
) -> Result<Option<Vec<HistoryEntry>>, HistoryError> {
    let events = events_of::<A>(log, facility, id).await?;
    if events.is_empty() { Ok(None) } else { entries(&events, document).map(Some) }
}

/// An aggregate at a moment; none if the practice had no such aggregate by then. `document` gets the state, its version,
/// and when the log took the first and the last event up to that moment.
pub async fn as_of<A: AggregateRoot>(
    log: &EventLog,
    facility: Option<FacilityId>,
    id: Uuid,
    moment: AsOf,
    document: impl FnOnce(&A, StreamVersion, Timestamp, Timestamp) -> serde_json::Result<Value>,
) -> Result<Option<Snapshot>, HistoryError> {
    let mut events = events_of::<A>(log, facility, id).await?;
    events.retain(|event| moment.includes(event));
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let mut state = A::default();
    events.iter().try_for_each(|event| follow(&mut state, event))?;
    let document = document(&state, last.version, first.recorded_at, last.recorded_at)
        .map_err(|_| HistoryError::NoDocument(last.version))?;
    Ok(Some(Snapshot {
        facility_id: last.facility_id,
        document,
        version: last.version,
        position: last.position,
        recorded_at: last.recorded_at,
    }))
}

async fn events_of<A: AggregateRoot>(
    log: &EventLog,
    facility: Option<FacilityId>,
    id: Uuid,
) -> Result<Vec<RecordedEvent>, LogError> {
    let mut events = log.load(&A::stream(id), StreamVersion::ZERO).await?;
    events.retain(|event| facility.is_none_or(|facility| event.facility_id == facility));
    Ok(events)
}

/// The history that an aggregate's events tell, by what each changed in its document.
pub fn entries<A: AggregateRoot>(
    events: &[RecordedEvent],
    document: impl Fn(&A) -> serde_json::Result<Map<String, Value>>,
) -> Result<Vec<HistoryEntry>, HistoryError> {
    let mut aggregate = A::default();
    let mut before = Value::Object(Map::new());
    events
        .iter()
        .map(|event| {
            follow(&mut aggregate, event)?;
            let after = Value::Object(document(&aggregate).map_err(|_| HistoryError::NoDocument(event.version))?);
            let mut changes = differences(&before, &after);
            if event.forgotten {
                changes.extend(forgotten_changes(event));
            }
            before = after;
            Ok(HistoryEntry {
                version: event.version,
                position: event.position,
                event_type: event.event_type.clone(),
                recorded_at: event.recorded_at,
                occurred_at: event.occurred_at,
                actor: event.metadata.actor,
                request_id: event.metadata.request_id.clone(),
                reason: event.reason.clone(),
                forgotten: event.forgotten,
                changes,
            })
        })
        .collect()
}

/// The fields that an event with erased content changed: their names are open, their values are gone.
fn forgotten_changes(event: &RecordedEvent) -> impl Iterator<Item = Change> {
    let names = event.payload.get("fieldsChanged").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(|field| Change { field: field.to_owned(), from: None, to: None })
}

/// The fields in which two documents differ, by path, in order. Objects are compared field by field, lists as a whole; a
/// field that is absent and one that is null are the same.
pub fn differences(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut String::new(), Some(before), Some(after), &mut changes);
    changes
}

fn compare(path: &mut String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let (before, after) = (before.filter(|value| !value.is_null()), after.filter(|value| !value.is_null()));
    let has_fields = |value: Option<&Value>| value.is_none_or(Value::is_object);
    if has_fields(before) && has_fields(after) {
        let fields = [before, after].into_iter().flatten().filter_map(Value::as_object);
        let names: BTreeSet<&String> = fields.flat_map(Map::keys).collect();
        for name in names {
            let length = path.len();
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            let (before, after) = (before.and_then(|value| value.get(name)), after.and_then(|value| value.get(name)));
            compare(path, before, after, changes);
            path.truncate(length);
        }
    } else if before != after {
        changes.push(Change { field: path.clone(), from: before.cloned(), to: after.cloned() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(before: Value, after: Value) -> Vec<(String, Value, Value)> {
        let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
        let changes = differences(&before, &after);
        changes.into_iter().map(|change| (change.field, or_null(change.from), or_null(change.to))).collect()
    }

    #[test]
    fn equal_documents_have_no_differences() {
        let document = json!({"a": 1, "b": {"c": [1, 2]}});
        assert!(changes(document.clone(), document).is_empty());
        assert!(changes(json!({"a": null}), json!({})).is_empty());
        assert!(changes(json!({"contact": {}}), json!({})).is_empty());
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        assert_eq!(
            changes(
                json!({"lastName": "Morel", "contact": {"phone": "1", "email": "a@b.fr"}, "tags": [1, 2]}),
                json!({"lastName": "Moreau", "contact": {"phone": "2", "email": "a@b.fr"}, "tags": [2]}),
            ),
            [
                ("contact.phone".to_owned(), json!("1"), json!("2")),
                ("lastName".to_owned(), json!("Morel"), json!("Moreau")),
                ("tags".to_owned(), json!([1, 2]), json!([2])),
            ]
        );
    }

    #[test]
    fn what_comes_or_goes_is_told_field_by_field() {
        let contact = json!({"emergencyContact": {"name": "Ana", "phone": "1"}});
        let (name, phone) = ("emergencyContact.name".to_owned(), "emergencyContact.phone".to_owned());
        assert_eq!(
            changes(json!({}), contact.clone()),
            [(name.clone(), Value::Null, json!("Ana")), (phone.clone(), Value::Null, json!("1"))]
        );
        assert_eq!(changes(contact, json!({})), [(name, json!("Ana"), Value::Null), (phone, json!("1"), Value::Null)]);
    }

    #[test]
    fn a_field_may_change_its_kind() {
        assert_eq!(changes(json!({"a": {"b": 1}}), json!({"a": 7})), [("a".to_owned(), json!({"b": 1}), json!(7))]);
        assert_eq!(changes(json!({"a": 7}), json!({"a": {"b": 1}})), [("a".to_owned(), json!(7), json!({"b": 1}))]);
    }
}
