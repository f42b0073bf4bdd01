//! One event as a NATS message: CloudEvents 1.0 in the binary mode of its NATS binding, which any consumer can read. It
//! holds ids, types, names of fields and times, and no personal content.

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use domain::event::RecordedEvent;
use domain::ids::{EventId, FacilityId, Position, StreamId, StreamVersion};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::nats::NatsNames;
use crate::push::{self, Frame, Push};

/// The header that holds the event's place in the log.
pub(super) const POSITION: &str = "Medicalpro-Position";

/// The body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedEvent {
    /// The event's id.
    pub id: EventId,
    /// Its place in the log: gapless, so a consumer notices what it missed.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: StreamVersion,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The facility it belongs to.
    pub facility: FacilityId,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Its frame for live screens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Push>,
    /// The frame of its notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Push>,
}

impl PublishedEvent {
    /// What is published of an event.
    pub fn of(event: &RecordedEvent) -> Self {
        Self {
            id: event.event_id,
            position: event.position,
            stream: event.stream.clone(),
            version: event.version,
            event_type: event.event_type.clone(),
            facility: event.facility_id,
            recorded_at: event.recorded_at,
            frame: push::frame(event).map(|frame| frame.push),
            notification: push::notification(event).map(|frame| frame.push),
        }
    }

    /// The frames for live screens.
    pub fn into_frames(self) -> Vec<Frame> {
        let Self { position, facility: facility_id, frame, notification, .. } = self;
        frame.into_iter().chain(notification).map(|push| Frame { position, facility_id, push }).collect()
    }

    /// Its subject.
    pub(super) fn subject(&self, names: &NatsNames) -> String {
        names.event(self.facility, self.stream.aggregate(), &snake_case(&self.event_type))
    }

    /// Its headers.
    pub(super) fn headers(&self, names: &NatsNames) -> HeaderMap {
        let event_type = names.event_type(self.stream.aggregate(), &snake_case(&self.event_type));
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, self.id.to_string());
        headers.insert(POSITION, self.position.to_string());
        headers.insert("ce-specversion", "1.0");
        headers.insert("ce-id", self.id.to_string());
        headers.insert("ce-type", event_type);
        headers.insert("ce-source", format!("/medicalpro/facilities/{}", self.facility));
        headers.insert("ce-subject", self.stream.as_str());
        headers.insert("ce-time", self.recorded_at.to_string());
        headers.insert("content-type", "application/json");
        headers
    }
}

/// `PatientRegistered` as a token of a subject: `patient_registered`.
fn snake_case(name: &str) -> String {
    name.char_indices().fold(String::with_capacity(name.len() + 4), |mut snake, (at, letter)| {
        if letter.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

#[cfg(test)]
mod tests {
    use domain::event::{Actor, EventMetadata};
    use domain::ids::UserId;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_what_happened_to_an_account_ids_and_the_type_are_published() {
        let id = Uuid::from_u128;
        let (user, session) = (UserId(id(7)), id(9));
        let logged_in = RecordedEvent {
            position: Position::from(8123),
            event_id: EventId(id(1)),
            stream: StreamId::of("user", user.0),
            version: StreamVersion::from(3),
            event_type: "LoggedIn".to_owned(),
            schema_version: 1,
            facility_id: FacilityId(id(2)),
            subject_id: Some(user.into()),
            recorded_at: Timestamp::UNIX_EPOCH,
            occurred_at: Timestamp::UNIX_EPOCH,
            metadata: EventMetadata {
                actor: Actor { user_id: user, role: None, session_id: Some(session) },
                client_address: Some("192.0.2.7".to_owned()),
                request_id: None,
                correlation_id: Uuid::nil(),
                causation_id: None,
                idempotency_key: None,
            },
            reason: None,
            forgotten: false,
            payload: json!({"sessionId": session, "method": "password"}).into(),
        };
        assert_eq!(
            serde_json::to_value(PublishedEvent::of(&logged_in)).unwrap(),
            json!({
                "id": id(1), "position": 8123, "stream": format!("user-{user}"), "version": 3, "type": "LoggedIn",
                "facility": id(2), "recordedAt": "1970-01-01T00:00:00Z",
            })
        );
    }

    #[test]
    fn an_event_type_is_one_token_of_a_subject() {
        assert_eq!(snake_case("PatientIdentityCorrected"), "patient_identity_corrected");
        assert_eq!(snake_case("A"), "a");
        assert_eq!(snake_case(""), "");
    }
}
