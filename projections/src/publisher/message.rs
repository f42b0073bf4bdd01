//! One event as a NATS message: CloudEvents 1.0 in the binary mode of its NATS binding, so that any consumer knows what
//! it holds without knowing us. Ids, types, field names and times; no personal content.

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
    /// The practice it belongs to.
    pub facility: FacilityId,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// What live screens are told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Push>,
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
        }
    }

    /// The frame for live screens.
    pub fn into_frame(self) -> Option<Frame> {
        let Self { position, facility: facility_id, frame, .. } = self;
        frame.map(|push| Frame { position, facility_id, push })
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
    use super::*;

    #[test]
    fn an_event_type_is_one_token_of_a_subject() {
        assert_eq!(snake_case("PatientIdentityCorrected"), "patient_identity_corrected");
        assert_eq!(snake_case("A"), "a");
        assert_eq!(snake_case(""), "");
    }
}
