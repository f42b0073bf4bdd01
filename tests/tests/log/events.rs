//! Events of a made-up aggregate, so that the promises are tested without any rule of the domain in the way.

use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, StreamId, StreamVersion, SubjectId};
use domain::reservation::{KeyKind, KeyScope, Reservation, ResourceKind, TimeHold, UniqueKey};
use domain::scheduling::Interval;
use event_store_schema::{AppendRequest, Guard, IdempotencyKey, NewEvent, StreamAppend};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

pub const FACILITY: FacilityId = FacilityId(Uuid::from_u128(1));

pub fn new_stream() -> StreamId {
    StreamId::of("thing", Uuid::now_v7())
}

pub fn version(number: u64) -> StreamVersion {
    StreamVersion::from(number)
}

/// An append of one event to a stream at a version, to be dressed up.
pub fn append(stream: &StreamId, expected: u64) -> AppendRequest {
    AppendRequest {
        streams: vec![StreamAppend {
            stream: stream.clone(),
            expected: version(expected),
            facility_id: FACILITY,
            subject_id: None,
            new_subject: false,
            events: vec![happened()],
        }],
        guards: vec![],
        metadata: EventMetadata {
            actor: Actor::SYSTEM,
            client_address: None,
            request_id: None,
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            idempotency_key: None,
        },
        reason: None,
        idempotency: None,
    }
}

pub fn happened() -> NewEvent {
    NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type: "ThingHappened".to_owned(),
        schema_version: 1,
        payload: json!({"open": true}).as_object().cloned().unwrap_or_default(),
        occurred_at: None,
        reservations: vec![],
    }
}

pub trait Dressing {
    fn holding_key(self, value: &str, shared: bool) -> Self;
    fn holding_room(self, room: Uuid, minutes: &[(i64, i64)]) -> Self;
    fn guarded_by(self, stream: &StreamId, at: u64) -> Self;
    fn keyed(self, key: &str, asked: u8) -> Self;
    fn about(self, patient: SubjectId, secret: &str) -> Self;
}

impl Dressing for AppendRequest {
    fn holding_key(mut self, value: &str, shared: bool) -> Self {
        let key = UniqueKey { scope: KeyScope::Facility, value: value.to_owned(), shared };
        let reservation = Reservation::Keys { kind: KeyKind::PatientIdentity, keys: vec![key] };
        self.streams[0].events[0].reservations.push(reservation);
        self
    }

    fn holding_room(mut self, room: Uuid, minutes: &[(i64, i64)]) -> Self {
        let at = |minute: i64| Timestamp::from_second(1_800_000_000 + minute * 60).expect("a time");
        let holds = minutes
            .iter()
            .map(|(from, until)| Interval { from: at(*from), until: at(*until) })
            .map(|during| TimeHold { resource: room, during, shared: false })
            .collect();
        self.streams[0].events[0].reservations.push(Reservation::Times { kind: ResourceKind::Room, holds });
        self
    }

    fn guarded_by(mut self, stream: &StreamId, at: u64) -> Self {
        self.guards.push(Guard { stream: stream.clone(), version: version(at) });
        self
    }

    fn keyed(mut self, key: &str, asked: u8) -> Self {
        self.idempotency = Some(IdempotencyKey { scope: Uuid::nil(), key: key.to_owned(), request_hash: [asked; 32] });
        self
    }

    fn about(mut self, patient: SubjectId, secret: &str) -> Self {
        self.streams[0].subject_id = Some(patient);
        self.streams[0].new_subject = self.streams[0].expected == StreamVersion::ZERO;
        self.streams[0].events[0].payload.insert("personal".to_owned(), json!({"secret": secret}));
        self
    }
}
