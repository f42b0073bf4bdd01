//! `cqrs-es`'s own [`EventStore`] over the log, for code that is written against that trait.
//!
//! The house itself uses [`Commands::execute`](crate::Commands::execute), which returns positions, retries, and names
//! holders. This adapter keeps the same promises as far as the trait can express them.

use std::collections::HashMap;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::aggregate::AggregateRoot;
use domain::ids::{EventId, StreamVersion};
use event_store_schema::{AppendError, EventLog, LogError, NewEvent, StreamAppend};
use uuid::Uuid;

use crate::context::CommandContext;

/// The log as an event store, for one actor in one practice.
pub struct LogEventStore {
    log: EventLog,
    context: CommandContext,
}

impl LogEventStore {
    /// Everything committed through the store is done under this context.
    pub fn new(log: EventLog, context: CommandContext) -> Self {
        Self { log, context }
    }
}

/// An aggregate between loading and committing.
pub struct LogContext<A> {
    id: Uuid,
    aggregate: A,
    version: StreamVersion,
}

impl<A: AggregateRoot> AggregateContext<A> for LogContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: AggregateRoot> EventStore<A> for LogEventStore {
    type AC = LogContext<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let id = parse_id(aggregate_id)?;
        let events = self.log.load(&A::stream(id), StreamVersion::ZERO).await.map_err(read_failed)?;
        let own = events.iter().filter(|event| event.facility_id == self.context.facility_id);
        own.map(|event| {
            let payload = event.decode().map_err(|error| AggregateError::DeserializationError(error.into()))?;
            Ok(envelope(aggregate_id, event.version, payload))
        })
        .collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<LogContext<A>, AggregateError<A::Error>> {
        let events: Vec<EventEnvelope<A>> = self.load_events(aggregate_id).await?;
        let mut context =
            LogContext { id: parse_id(aggregate_id)?, aggregate: A::default(), version: StreamVersion::ZERO };
        for event in events {
            context.aggregate.apply(event.payload);
            context.version = context.version.next();
        }
        Ok(context)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        mut context: LogContext<A>,
        _metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let new_subject = A::INTRODUCES_SUBJECT && context.version == StreamVersion::ZERO;
        let expected = context.version;
        let mut written = Vec::with_capacity(events.len());
        let mut envelopes = Vec::with_capacity(events.len());
        for event in events {
            context.version = context.version.next();
            written.push(NewEvent::of(&event, EventId(Uuid::now_v7()), None).map_err(write_failed)?);
            context.aggregate.apply(event.clone());
            envelopes.push(envelope(&context.id.to_string(), context.version, event));
        }
        let written = StreamAppend {
            stream: A::stream(context.id),
            expected,
            facility_id: self.context.facility_id,
            subject_id: context.aggregate.subject(context.id),
            new_subject,
            events: written,
        };
        self.log.append(self.context.append_request(vec![written], Vec::new())).await.map_err(write_failed)?;
        Ok(envelopes)
    }
}

fn envelope<A: AggregateRoot>(id: &str, version: StreamVersion, payload: A::Event) -> EventEnvelope<A> {
    EventEnvelope {
        aggregate_id: id.to_owned(),
        sequence: usize::try_from(version.get()).unwrap_or(usize::MAX),
        payload,
        metadata: HashMap::new(),
    }
}

fn parse_id<E: std::error::Error>(id: &str) -> Result<Uuid, AggregateError<E>> {
    Uuid::parse_str(id).map_err(|error| AggregateError::UnexpectedError(error.into()))
}

fn read_failed<E: std::error::Error>(error: LogError) -> AggregateError<E> {
    AggregateError::DatabaseConnectionError(error.into())
}

fn write_failed<E: std::error::Error>(error: AppendError) -> AggregateError<E> {
    match error {
        AppendError::WrongVersion { .. } => AggregateError::AggregateConflict,
        error => AggregateError::DatabaseConnectionError(error.into()),
    }
}
