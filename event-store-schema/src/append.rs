//! What a command asks of the log: events for one or several streams, all of them or none.
//!
//! [`preparing`](crate::preparing) encrypts and checks an [`AppendRequest`] before it joins the queue.

use domain::event::{EventMetadata, LoggedEvent};
use domain::ids::{EventId, FacilityId, Position, StreamId, StreamVersion, SubjectId};
use domain::reservation::Reservation;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::AppendError;

/// An event to be written.
pub struct NewEvent {
    /// Its id, a UUIDv7.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its schema version.
    pub schema_version: u32,
    /// Its fields; `personal`, if there, is encrypted.
    pub payload: serde_json::Map<String, Value>,
    /// When it happened, if not now.
    pub occurred_at: Option<Timestamp>,
    /// What the stream reserves from this event on. It releases what it reserved of the same kinds before.
    pub reservations: Vec<Reservation>,
}

impl NewEvent {
    /// The event as the log takes it.
    pub fn of<E: LoggedEvent>(
        event: &E,
        event_id: EventId,
        occurred_at: Option<Timestamp>,
    ) -> Result<Self, AppendError> {
        let event_type = event.event_type();
        let invalid = |what: &str| AppendError::Invalid(format!("{event_type}: {what}"));
        let schema_version =
            event.event_version().parse().map_err(|_| invalid("its schema version is not a number"))?;
        let Ok(Value::Object(mut tagged)) = serde_json::to_value(event) else {
            return Err(invalid("it is not a tagged JSON object"));
        };
        let Some(Value::Object(payload)) = tagged.remove(&event_type) else {
            return Err(invalid("it is not tagged with its type"));
        };
        Ok(Self { event_id, schema_version, payload, occurred_at, reservations: event.reservations(), event_type })
    }
}

/// Events for one stream.
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamId,
    /// Its version when the decision was made; zero for a new stream.
    pub expected: StreamVersion,
    /// The practice that the events belong to.
    pub facility_id: FacilityId,
    /// The person whose data they hold.
    pub subject_id: Option<SubjectId>,
    /// Whether this append makes the person's data key. If not, the person must have one.
    pub new_subject: bool,
    /// At least one event, in order.
    pub events: Vec<NewEvent>,
}

/// A stream that a decision read without writing to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The stream.
    pub stream: StreamId,
    /// Its version when it was read; zero if it did not exist.
    pub version: StreamVersion,
}

/// The key under which a client may repeat a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The acting user. Another user may use the same key for something else.
    pub scope: uuid::Uuid,
    /// The key.
    pub key: String,
    /// SHA-256 of the request. A repetition must ask for the same.
    pub request_hash: [u8; 32],
}

/// One append: all of it is written or nothing.
pub struct AppendRequest {
    /// At least one stream, each at most once. The first is the one that the outcome names.
    pub streams: Vec<StreamAppend>,
    /// Streams that must not have changed since they were read.
    pub guards: Vec<Guard>,
    /// The circumstances, common to all events.
    pub metadata: EventMetadata,
    /// The reason that the user gave. If there is a subject, it is encrypted with the personal content.
    pub reason: Option<String>,
    /// The client's idempotency key.
    pub idempotency: Option<IdempotencyKey>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first stream of the request.
    pub stream: StreamId,
    /// Its version after the last event.
    pub version: StreamVersion,
    /// The position of the request's first event.
    pub first_position: Position,
    /// The position of the request's last event.
    pub last_position: Position,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Whether this is the outcome of an earlier request with the same idempotency key.
    pub replayed: bool,
}
