//! The JetStream stream: its settings, its last message, and how a batch gets into it.

use std::time::Duration;

use async_nats::Client;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{ContextBuilder, CreateStreamError, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, InfoError, LastRawMessageErrorKind, RawMessageError, RetentionPolicy, StorageType, Stream,
};
use domain::event::RecordedEvent;
use domain::ids::{EventId, Position};
use futures_util::future::try_join_all;

use super::message::{POSITION, PublishedEvent};
use super::nats::NatsNames;

const STREAM_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
const STREAM_BYTES: i64 = 1 << 30;
const LARGEST_MESSAGE: i32 = 64 * 1024;
/// For how long NATS recognizes a repeated message by its id.
const REPEAT_WINDOW: Duration = Duration::from_secs(120);
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The stream refused or did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error("the NATS stream cannot be made or changed: {0}")]
    Settings(#[from] CreateStreamError),
    #[error("the NATS stream does not say how it is: {0}")]
    Info(#[from] InfoError),
    #[error("the last message of the NATS stream cannot be read: {0}")]
    LastMessage(#[from] RawMessageError),
    #[error("NATS did not take an event: {0}")]
    Publish(#[from] PublishError),
    #[error("an event could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The stream, in the hands of the elected publisher.
pub(super) struct EventStream {
    context: Context,
    stream: Stream,
    names: NatsNames,
    /// The sequence number of the stream's last message.
    sequence: u64,
}

/// What the stream's last message is.
pub(super) struct LastMessage {
    pub(super) position: Position,
    pub(super) id: EventId,
}

impl EventStream {
    /// Makes the stream, or brings an existing one to these settings. Settings that operators choose (replicas, placement)
    /// stay.
    pub(super) async fn prepare(client: &Client, names: NatsNames) -> Result<Self, StreamError> {
        let context = ContextBuilder::new().timeout(ACKNOWLEDGEMENT_TIMEOUT).build(client.clone());
        let wanted = |found_config: Config| Config {
            name: names.stream(),
            description: Some("What happened, in log order: ids, types and field names".to_owned()),
            subjects: vec![names.events()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: STREAM_AGE,
            max_bytes: STREAM_BYTES,
            max_message_size: LARGEST_MESSAGE,
            duplicate_window: REPEAT_WINDOW,
            ..found_config
        };
        let mut stream = context.get_or_create_stream(wanted(Config::default())).await?;
        let found = stream.cached_info().config.clone();
        if wanted(found.clone()) != found {
            context.update_stream(wanted(found)).await?;
        }
        let sequence = stream.info().await?.state.last_sequence;
        Ok(Self { context, stream, names, sequence })
    }

    /// The last message, if it is still there and one of ours.
    pub(super) async fn last_message(&self) -> Result<Option<LastMessage>, StreamError> {
        if self.sequence == 0 {
            return Ok(None);
        }
        let message = match self.stream.get_raw_message(self.sequence).await {
            Ok(message) => message,
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let header = |name: &str| message.headers.get(name).map(|value| value.as_str());
        let position = header(POSITION).and_then(|text| text.parse::<u64>().ok()).map(Position::from);
        let id = header(NATS_MESSAGE_ID.as_ref()).and_then(|text| text.parse().ok());
        Ok(position.zip(id).map(|(position, id)| LastMessage { position, id }))
    }

    /// Publishes all events at once, each to follow the one before, and waits until NATS has acknowledged all. After an
    /// error some may be there, so the stream has to be prepared anew.
    pub(super) async fn publish(&mut self, events: &[RecordedEvent]) -> Result<(), StreamError> {
        let mut acknowledgements = Vec::with_capacity(events.len());
        for event in events {
            let event = PublishedEvent::of(event);
            let message = PublishMessage::build()
                .headers(event.headers(&self.names))
                .expected_last_sequence(self.sequence)
                .payload(serde_json::to_vec(&event)?.into());
            let sent = self.context.send_publish(event.subject(&self.names), message).await?;
            acknowledgements.push(sent.into_future());
            self.sequence += 1;
        }
        try_join_all(acknowledgements).await?;
        Ok(())
    }
}
