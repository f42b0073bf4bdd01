//! What every event of the house carries besides its own content, and what the log asks of an event.

use std::iter::once;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{EventId, FacilityId, Position, StreamId, StreamVersion, SubjectId, UserId};
use crate::reservation::Reservation;
use crate::role::Role;

/// An event as the log needs it: its type and schema version (from `cqrs-es`) and the holds that it takes or frees.
///
/// An event serializes as serde's externally tagged enum, `{"PatientRegistered": {…}}`. Its fields are open: they may
/// be read by operators, auditors and NATS clients, and stay when a person is erased. Personal content stands in one
/// field named `personal`, a [`Revealed`](crate::personal::Revealed), which the log encrypts.
pub trait LoggedEvent: cqrs_es::DomainEvent {
    /// Every event type of the aggregate with its current schema version, in the order of the enum.
    const TYPES: &'static [(&'static str, u32)];

    /// What the stream holds from this event on; kinds that are not named stay as they were.
    fn reservations(&self) -> Vec<Reservation>;
}

/// Who did something, and in which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The member of staff; nil for the system itself.
    pub user_id: UserId,
    /// The role they acted in; none for the system itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The session they acted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
}

impl Actor {
    /// The system itself: seeding, policies, imports.
    pub const SYSTEM: Self = Self { user_id: UserId(Uuid::nil()), role: None, session_id: None };
}

/// The circumstances of an event. Stored in the open, so nothing of a patient may stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventMetadata {
    /// Who acted.
    pub actor: Actor,
    /// The address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// The request that carried the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The business process the event belongs to.
    pub correlation_id: Uuid,
    /// The event that made a policy issue the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// The client's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// An event as it comes back from the log: decrypted where its subject's key still exists, and upcast to the current
/// schema version.
#[derive(Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its own id.
    pub event_id: EventId,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: StreamVersion,
    /// Its type, such as `PatientRegistered`.
    pub event_type: String,
    /// The schema version of `payload` (after upcasting).
    pub schema_version: u32,
    /// The practice it belongs to.
    pub facility_id: FacilityId,
    /// The person whose data it holds.
    pub subject_id: Option<SubjectId>,
    /// When the log took it; never earlier than the event before it.
    pub recorded_at: Timestamp,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its circumstances.
    pub metadata: EventMetadata,
    /// Why, where the command was given a reason. Encrypted with the personal content, and forgotten with it.
    pub reason: Option<String>,
    /// Whether there was personal content that can no longer be read.
    pub forgotten: bool,
    /// Its content: the fields of the event, without the tag. Shared by all who read the event.
    pub payload: Arc<serde_json::Value>,
}

/// The content may be personal, so a debug print names the event without showing it.
impl std::fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedEvent")
            .field("position", &self.position)
            .field("stream", &self.stream)
            .field("version", &self.version)
            .field("event_type", &self.event_type)
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

/// A stored event that the code cannot read: an unknown type, or content that does not fit the type.
#[derive(Debug, thiserror::Error)]
#[error("event {position} ({event_type}, schema version {schema_version}) cannot be read: {cause}")]
pub struct UnreadableEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Its schema version.
    pub schema_version: u32,
    /// What serde said, without the content.
    pub cause: String,
}

impl RecordedEvent {
    /// The typed event.
    pub fn decode<E: LoggedEvent>(&self) -> Result<E, UnreadableEvent> {
        // The form {type: payload}, without making it: payloads are large, and read models decode millions.
        let tagged = MapDeserializer::new(once((self.event_type.as_str(), &*self.payload)));
        E::deserialize(MapAccessDeserializer::new(tagged)).map_err(|error: serde_json::Error| UnreadableEvent {
            position: self.position,
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            // serde quotes the offending value in some messages; the kind of error is all that may leave.
            cause: format!("{:?} error in its JSON", error.classify()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_print_names_the_event_and_shows_none_of_its_content() {
        let event = RecordedEvent {
            position: Position::from(7),
            event_id: EventId(Uuid::nil()),
            stream: StreamId::of("patient", Uuid::nil()),
            version: StreamVersion::from(1),
            event_type: "PatientRegistered".to_owned(),
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
            reason: Some("Conflit de voisinage".to_owned()),
            forgotten: false,
            payload: Arc::new(serde_json::json!({"personal": {"lastName": "Le Goff"}})),
        };
        let printed = format!("{event:?}");
        assert!(printed.contains("patient-00000000") && printed.contains("PatientRegistered"), "{printed}");
        assert!(!printed.contains("Conflit") && !printed.contains("Le Goff"), "{printed}");
    }
}
