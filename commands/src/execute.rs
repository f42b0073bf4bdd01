//! [`Commands`] runs any command on any aggregate: load, decide, append. If another server appended first, it decides again.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use domain::aggregate::AggregateRoot;
use domain::ids::{EventId, FacilityId, Position, StreamId, StreamVersion, SubjectId};
use event_store_schema::{AppendError, Appended, EventLog, Guard, NewEvent, StreamAppend};
use rand::Rng;
use uuid::Uuid;

use crate::cache::{AggregateCache, BookablePatients};
use crate::context::CommandContext;
use crate::error::CommandError;
use crate::loaded::{Loaded, Recorded};
use crate::patient_numbers::PatientNumbers;
use crate::practice_clock::PracticeClock;

/// How often a command is decided before the caller hears that other servers append first again and again.
const ATTEMPTS: u32 = 10;

/// How many aggregates a server remembers.
const CACHED_AGGREGATES: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

/// For how many patients a server remembers that they can be booked.
const BOOKABLE_PATIENTS: NonZeroUsize = NonZeroUsize::new(100_000).expect("not zero");

/// The command side of one server. Cheap to clone.
#[derive(Clone)]
pub struct Commands(Arc<Shared>);

struct Shared {
    log: EventLog,
    cache: AggregateCache,
    patient_numbers: PatientNumbers,
    practice_clock: PracticeClock,
    bookable_patients: BookablePatients,
}

/// What a command led to.
#[derive(Debug)]
pub struct Executed<A: AggregateRoot> {
    /// The aggregate's id.
    pub id: Uuid,
    /// The aggregate right after the command.
    pub after: Loaded<A>,
    /// What happened. Empty if the command changed nothing, or was an exact repetition.
    pub events: Vec<A::Event>,
    /// The last position written; none if nothing was.
    pub position: Option<Position>,
    /// Whether an earlier request with the same idempotency key did it.
    pub replayed: bool,
}

impl Commands {
    /// The command side over this log.
    pub fn new(log: EventLog) -> Self {
        Self(Arc::new(Shared {
            log,
            cache: AggregateCache::new(CACHED_AGGREGATES),
            patient_numbers: PatientNumbers::default(),
            practice_clock: PracticeClock::default(),
            bookable_patients: BookablePatients::new(BOOKABLE_PATIENTS),
        }))
    }

    /// The log it appends to.
    pub fn log(&self) -> &EventLog {
        &self.0.log
    }

    pub(crate) fn patient_numbers(&self) -> &PatientNumbers {
        &self.0.patient_numbers
    }

    pub(crate) fn bookable_patients(&self) -> &BookablePatients {
        &self.0.bookable_patients
    }

    pub(crate) fn practice_clock(&self) -> &PracticeClock {
        &self.0.practice_clock
    }

    /// The aggregate as it is at this moment, if it exists and belongs to the practice.
    pub async fn load<A: AggregateRoot>(
        &self,
        facility_id: FacilityId,
        id: Uuid,
    ) -> Result<Option<Loaded<A>>, CommandError<A::Error>> {
        Ok(self.find(id).await?.filter(|loaded| loaded.facility_id == Some(facility_id)))
    }

    /// The aggregate as it is at this moment, if it exists, of any practice. For a visitor with a link, who belongs to no
    /// practice.
    pub async fn find<A: AggregateRoot>(&self, id: Uuid) -> Result<Option<Loaded<A>>, CommandError<A::Error>> {
        let mut loaded = self.recall(&A::stream(id));
        self.refresh(&A::stream(id), &mut loaded).await?;
        Ok(Some(loaded).filter(|loaded| loaded.facility_id.is_some()))
    }

    /// Decides the command on the aggregate `id` and writes what it decides.
    ///
    /// If the command needs something that exists, and it is not there or another practice's, the refusal is `NotFound`. A
    /// command that creates is one that the aggregate's empty state accepts, with a fresh id.
    pub async fn execute<A: AggregateRoot>(
        &self,
        id: Uuid,
        command: &A::Command,
        services: &A::Services,
        guards: &[Guard],
        context: &CommandContext,
    ) -> Result<Executed<A>, CommandError<A::Error>> {
        let stream = A::stream(id);
        let outcome = self.decide_and_append(id, &stream, command, services, guards, context).await;
        self.or_first_answer(outcome, context).await
    }

    /// The outcome. If it is a refusal, and the log knows the idempotency key, it is the answer to the first request. What
    /// that request changed may make its repetition look wrong.
    pub(crate) async fn or_first_answer<A: AggregateRoot>(
        &self,
        outcome: Result<Executed<A>, CommandError<A::Error>>,
        context: &CommandContext,
    ) -> Result<Executed<A>, CommandError<A::Error>> {
        match (outcome, &context.idempotency) {
            (Err(refusal), Some(key)) if !matches!(refusal, CommandError::IdempotencyKeyReused) => {
                match self.0.log.find_outcome(key).await? {
                    Some(first) => self.replay(first).await,
                    None => Err(refusal),
                }
            }
            (outcome, _) => outcome,
        }
    }

    async fn decide_and_append<A: AggregateRoot>(
        &self,
        id: Uuid,
        stream: &StreamId,
        command: &A::Command,
        services: &A::Services,
        guards: &[Guard],
        context: &CommandContext,
    ) -> Result<Executed<A>, CommandError<A::Error>> {
        let mut loaded = self.recall::<A>(stream);
        let mut fresh = false;
        for attempt in 0..ATTEMPTS {
            let decision = decide(&loaded, command, services, context).await;
            if !fresh && !matches!(&decision, Ok((_, events)) if !events.is_empty()) {
                // A refusal, or "nothing to do", counts only on the state as it is now. Events need no such look: the log
                // checks the version that they were decided on. A command that creates needs no look at all.
                fresh = true;
                if self.refresh(stream, &mut loaded).await? {
                    continue;
                }
            }
            let (aggregate, events) = decision?;
            if events.is_empty() {
                return Ok(Executed { id, after: loaded, events, position: None, replayed: false });
            }
            match self.append(id, &loaded, &aggregate, &events, guards, context).await {
                Ok(appended) if appended.replayed => return self.replay(appended).await,
                Ok(appended) => {
                    let mut after = Loaded { aggregate, facility_id: Some(context.facility_id), ..loaded };
                    for event in &events {
                        after.version = after.version.next();
                        if A::shows(&event.event_type()) {
                            after.shown_version = after.version;
                            after.recorded = Recorded::extend(after.recorded, appended.recorded_at);
                        }
                    }
                    self.0.cache.put(stream, &after);
                    return Ok(Executed { id, after, events, position: Some(appended.last_position), replayed: false });
                }
                // A guarded stream moved: the services were gathered from it, so the caller has to gather again.
                Err(AppendError::WrongVersion { stream: moved, .. }) if moved != *stream => {
                    return Err(CommandError::Contended);
                }
                Err(AppendError::WrongVersion { .. }) => {
                    metrics::counter!("command_retries_total", "aggregate" => A::TYPE).increment(1);
                    pause(attempt).await;
                    self.refresh(stream, &mut loaded).await?;
                    fresh = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }

    async fn append<A: AggregateRoot>(
        &self,
        id: Uuid,
        before: &Loaded<A>,
        after: &A,
        events: &[A::Event],
        guards: &[Guard],
        context: &CommandContext,
    ) -> Result<Appended, AppendError> {
        let written = stream_append::<A>(id, before.version, after.subject(id), events, context.facility_id)?;
        self.0.log.append(context.append_request(vec![written], guards.to_vec())).await
    }

    /// The answer to a repeated request: the state as the first request left it.
    async fn replay<A: AggregateRoot>(&self, first: Appended) -> Result<Executed<A>, CommandError<A::Error>> {
        if first.stream.aggregate() != A::TYPE {
            return Err(CommandError::IdempotencyKeyReused);
        }
        let mut loaded = Loaded::nothing();
        let events = self.0.log.load(&first.stream, StreamVersion::ZERO).await?;
        let then = events.partition_point(|event| event.version <= first.version);
        loaded.follow(&events[..then])?;
        Ok(Executed {
            id: first.stream.id(),
            after: loaded,
            events: Vec::new(),
            position: Some(first.last_position),
            replayed: true,
        })
    }

    /// The state as this server last saw it; nothing, if it never did.
    pub(crate) fn recall<A: AggregateRoot>(&self, stream: &StreamId) -> Loaded<A> {
        self.0.cache.get(stream).unwrap_or_else(Loaded::nothing)
    }

    /// Brings the state up to what the log holds now; whether there was anything new.
    async fn refresh<A: AggregateRoot>(
        &self,
        stream: &StreamId,
        loaded: &mut Loaded<A>,
    ) -> Result<bool, CommandError<A::Error>> {
        let events = self.0.log.load(stream, loaded.version).await?;
        if events.is_empty() {
            return Ok(false);
        }
        loaded.follow(&events)?;
        self.0.cache.put(stream, loaded);
        Ok(true)
    }
}

/// What the command leads to from this state: the state after it, and the events.
pub(crate) async fn decide<A: AggregateRoot>(
    loaded: &Loaded<A>,
    command: &A::Command,
    services: &A::Services,
    context: &CommandContext,
) -> Result<(A, Vec<A::Event>), CommandError<A::Error>> {
    if loaded.facility_id.is_some_and(|owner| owner != context.facility_id) {
        return Err(CommandError::NotFound);
    }
    if let Some(expected) = &context.if_match {
        let there_is_none = loaded.facility_id.is_none();
        // The same answer as for another practice's: a client that names a version is not told whether the thing exists
        // elsewhere. Version 0 is before the first event, for what is there without any.
        if there_is_none && !expected.contains(&StreamVersion::ZERO) {
            return Err(CommandError::NotFound);
        }
        if !expected.contains(&loaded.shown_version) {
            return Err(CommandError::Stale { actual: loaded.shown_version });
        }
    }
    let mut aggregate = loaded.aggregate.clone();
    let sink = EventSink::default();
    aggregate.handle(command.clone(), services, &sink).await.map_err(CommandError::Refused)?;
    Ok((aggregate, sink.collect().await))
}

/// Full jitter: servers that met once should not meet again.
pub(crate) async fn pause(attempt: u32) {
    let longest = 2_u64 << attempt.min(6);
    let milliseconds = rand::rng().random_range(0..=longest);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// What these events, decided on a stream at this version, write to it.
pub(crate) fn stream_append<A: AggregateRoot>(
    id: Uuid,
    expected: StreamVersion,
    subject_id: Option<SubjectId>,
    events: &[A::Event],
    facility_id: FacilityId,
) -> Result<StreamAppend, AppendError> {
    let events = events.iter().map(|event| NewEvent::of(event, EventId(Uuid::now_v7()), None));
    Ok(StreamAppend {
        stream: A::stream(id),
        expected,
        facility_id,
        subject_id,
        new_subject: A::INTRODUCES_SUBJECT && expected == StreamVersion::ZERO,
        events: events.collect::<Result<_, _>>()?,
    })
}
