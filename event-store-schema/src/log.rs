//! [`EventLog`]: append, load, read forward.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::event::{EventMetadata, RecordedEvent};
use domain::ids::{FacilityId, Position, StreamId, StreamVersion};
use domain::reservation::{KeyKind, KeyScope, Reservation, TimeHold, UniqueKey};
use domain::upcasting::Upcasters;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::append::{AppendRequest, Appended, IdempotencyKey, StreamAppend};
use crate::batch::{FreedKind, Head, PreparedAppend, PreparedEvent, PreparedHold, PreparedKey, PreparedSubject};
use crate::committer::{Committer, Pending, QUEUE_LENGTH};
use crate::database::{Database, DatabaseError};
use crate::error::{AppendError, LogError};
use crate::keys::KeyRing;
use crate::row;
use crate::sealing::{self, PersonalPart, Place};
use crate::tail::Tail;

/// The log of one database. Cheap to clone; all clones share one committer.
///
/// What [`append`](Self::append) promises is kept by one set-based SQL function under one lock, on any number of servers:
/// expected versions, guards, reservations, idempotency keys, and positions that are gapless and in commit order. An
/// answer means that the events are on disk.
#[derive(Clone)]
pub struct EventLog(Arc<Shared>);

/// So many events are opened before another thread would have begun.
const FEW_EVENTS: usize = 100;

struct Shared {
    database: Database,
    keys: KeyRing,
    upcasters: Upcasters,
    committer: mpsc::Sender<Pending>,
    head: watch::Sender<Position>,
    tail: Arc<Tail>,
    append_timeout: Duration,
}

impl EventLog {
    /// Opens the log. An append that the database has not answered within `append_timeout` is given up.
    pub async fn open(
        database: Database,
        keys: KeyRing,
        upcasters: Upcasters,
        append_timeout: Duration,
    ) -> Result<Self, LogError> {
        let (committer, inbox) = mpsc::channel(QUEUE_LENGTH);
        let (head, _) = watch::channel(Position::ZERO);
        let tail = Arc::new(Tail::default());
        tokio::spawn(Committer::new(database.clone(), head.clone(), Arc::clone(&tail)).run(inbox));
        let log = Self(Arc::new(Shared { database, keys, upcasters, committer, head, tail, append_timeout }));
        log.announce(log.head().await?);
        Ok(log)
    }

    /// Where connections come from.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The keys.
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// Writes all events of the request, or none and says why.
    pub async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        let request = self.prepare(request).await?;
        let deadline = Instant::now() + self.0.append_timeout;
        let (answer, answered) = oneshot::channel();
        self.0.committer.try_send(Pending { request, deadline, answer }).map_err(|_| AppendError::Overloaded)?;
        // The committer answers at the deadline; the second more is for an answer that is on its way.
        match tokio::time::timeout_at((deadline + Duration::from_secs(1)).into(), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(AppendError::Unavailable { outcome_unknown: true }),
        }
    }

    /// The events of a stream after `version`, in order; none if there is no such stream.
    pub async fn load(&self, stream: &StreamId, after: StreamVersion) -> Result<Vec<RecordedEvent>, LogError> {
        let client = self.0.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/load_stream.sql")).await?;
        let rows = client.query(&statement, &[&stream.as_str(), &after.to_sql()]).await?;
        if let Some(row) = rows.last() {
            // Whoever loads a stream is likely to write to it next.
            row::keep_data_key(row, &self.0.keys)?;
        }
        rows.iter().map(|row| row::read(row, &self.0.keys, &self.0.upcasters)).collect()
    }

    /// At most `limit` events after `position`, in log order. Whoever has read up to a position has seen everything
    /// before it.
    pub async fn read_forward(&self, after: Position, limit: u32) -> Result<Vec<RecordedEvent>, LogError> {
        Ok(self.read_taken(after, limit, |_| true).await?.0)
    }

    /// Of the next `limit` events after `position`, those whose type is wanted, and the position that was read up to.
    /// The others are neither decrypted nor decoded: they cost little, and a damaged one does not stop the reader.
    pub async fn read_taken(
        &self,
        after: Position,
        limit: u32,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<RecordedEvent>, Position), LogError> {
        if let Some(events) = self.0.tail.after(after, limit) {
            let reached = events.last().map_or(after, |event| event.position);
            let events = events.into_iter().filter(|event| wanted(&event.event_type));
            return Ok((events.map(Arc::unwrap_or_clone).collect(), reached));
        }
        let client = self.0.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/read_forward.sql")).await?;
        let rows = client.query(&statement, &[&after.to_sql(), &i64::from(limit)]).await?;
        let reached = match rows.last() {
            Some(last) => Position::from_sql(last.try_get("global_position")?),
            None => after,
        };
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            if wanted(row.try_get("event_type")?) {
                taken.push(row);
            }
        }
        Ok((self.open_all(taken).await?, reached))
    }

    /// Decrypts and decodes. Of many events, on a thread of its own: whoever reads ahead meanwhile works on what they have.
    pub(crate) async fn open_all(&self, rows: Vec<Row>) -> Result<Vec<RecordedEvent>, LogError> {
        let log = self.clone();
        let many = rows.len() > FEW_EVENTS;
        let open = move || rows.iter().map(|row| row::read(row, &log.0.keys, &log.0.upcasters)).collect();
        if !many {
            return open();
        }
        match spawn_blocking(open).await {
            Ok(events) => events,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(LogError::Database(DatabaseError::Settings("the runtime is shutting down".to_owned()))),
            },
        }
    }

    /// The position of the last event.
    pub async fn head(&self) -> Result<Position, LogError> {
        let client = self.0.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/head.sql")).await?;
        Ok(Position::from_sql(client.query_one(&statement, &[]).await?.try_get(0)?))
    }

    /// Wakes when the log grows: by appends of this server, and by what [`announce`](Self::announce) is told of others.
    /// A hint; the log itself is the truth.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.0.head.subscribe()
    }

    /// Tells this server that the log has reached `position`.
    pub fn announce(&self, position: Position) {
        self.0.head.send_if_modified(|head| {
            let grown = position > *head;
            *head = position.max(*head);
            grown
        });
    }

    /// The outcome of an earlier append with this idempotency key, if there was one.
    pub async fn find_outcome(&self, key: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
        let found = async {
            let client = self.0.database.get().await?;
            let statement = client.prepare_cached(include_str!("../sql/find_outcome.sql")).await?;
            let Some(row) = client.query_opt(&statement, &[&key.scope, &key.key]).await? else {
                return Ok(None);
            };
            let stream = row
                .try_get::<_, &str>("stream_id")?
                .parse()
                .map_err(|_| LogError::Malformed { position: 0, what: "stream_id" })?;
            let outcome = Appended {
                stream,
                version: StreamVersion::from_sql(row.try_get("stream_version")?),
                first_position: Position::from_sql(row.try_get("first_position")?),
                last_position: Position::from_sql(row.try_get("last_position")?),
                recorded_at: row.try_get("recorded_at")?,
                replayed: true,
            };
            Ok::<_, LogError>(Some((outcome, row.try_get::<_, Vec<u8>>("request_hash")?)))
        };
        match found.await? {
            Some((_, hash)) if hash != key.request_hash => Err(AppendError::IdempotencyKeyReused),
            found => Ok(found.map(|(outcome, _)| outcome)),
        }
    }

    /// The greatest key of a kind that is not personal, by length and then by its bytes, from `from` to before `to`.
    pub async fn highest_key(
        &self,
        kind: KeyKind,
        scope: Uuid,
        from: &str,
        to: &str,
    ) -> Result<Option<String>, LogError> {
        let client = self.0.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/highest_key.sql")).await?;
        let row = client.query_opt(&statement, &[&kind.name(), &scope, &from.as_bytes(), &to.as_bytes()]).await?;
        Ok(match row {
            Some(row) => String::from_utf8(row.try_get(0)?).ok(),
            None => None,
        })
    }

    /// Encrypts, hashes and checks a request before it joins the queue, so that the committer only commits.
    async fn prepare(&self, request: AppendRequest) -> Result<PreparedAppend, AppendError> {
        let AppendRequest { streams, guards, metadata, reason, idempotency } = request;
        if streams.is_empty() || streams.iter().any(|stream| stream.events.is_empty()) {
            return Err(AppendError::Invalid("there is nothing to write".to_owned()));
        }
        let mut seen = HashSet::new();
        if !streams.iter().all(|stream| seen.insert(&stream.stream)) {
            return Err(AppendError::Invalid("a stream is named twice".to_owned()));
        }
        let guarded = guards
            .into_iter()
            .filter(|guard| !seen.contains(&guard.stream))
            .map(|guard| Head { stream: guard.stream.to_string(), version: guard.version.to_sql() })
            .collect();
        let mut prepared = PreparedAppend {
            idempotency,
            written: Vec::with_capacity(streams.len()),
            guarded,
            events: Vec::new(),
            freed: Vec::new(),
            keys: Vec::new(),
            holds: Vec::new(),
            subjects: Vec::new(),
        };
        let typed_metadata = metadata;
        let metadata = serde_json::to_value(&typed_metadata)
            .map_err(|error| AppendError::Invalid(format!("metadata: {error}")))?;
        for stream in streams {
            self.prepare_stream(&mut prepared, stream, &typed_metadata, &metadata, reason.as_deref()).await?;
        }
        Ok(prepared)
    }

    async fn prepare_stream(
        &self,
        prepared: &mut PreparedAppend,
        write: StreamAppend,
        typed_metadata: &EventMetadata,
        metadata: &serde_json::Value,
        reason: Option<&str>,
    ) -> Result<(), AppendError> {
        let StreamAppend { stream, expected, facility_id, subject_id, new_subject, events } = write;
        prepared.written.push(Head { stream: stream.to_string(), version: expected.to_sql() });
        let key = match subject_id {
            Some(subject) if new_subject => {
                let (key, wrapped) = self.0.keys.new_data_key(subject, facility_id).map_err(LogError::from)?;
                prepared.subjects.push(PreparedSubject { id: subject.0, facility: facility_id.0, key: wrapped });
                Some(key)
            }
            Some(subject) => Some(self.0.keys.data_key(subject, facility_id).await?),
            None => None,
        };
        let mut metadata = metadata.clone();
        if key.is_none()
            && let Some(reason) = reason
        {
            metadata[row::OPEN_REASON] = reason.into();
        }
        let metadata = metadata.to_string();
        let mut reservations = Vec::new();
        for (step, mut event) in (1..).zip(events) {
            let version = expected.plus(step);
            let personal = PersonalPart::take(&mut event.payload, reason.filter(|_| key.is_some()));
            let (schema_version, payload) = {
                let mut payload = event.payload.clone();
                personal.clone().put_back(&mut payload);
                self.0.upcasters.upcast(&event.event_type, event.schema_version, serde_json::Value::Object(payload))
            };
            let readable = RecordedEvent {
                position: Position::ZERO,
                event_id: event.event_id,
                stream: stream.clone(),
                version,
                event_type: event.event_type.clone(),
                schema_version,
                facility_id,
                subject_id,
                recorded_at: Timestamp::UNIX_EPOCH,
                occurred_at: Timestamp::UNIX_EPOCH,
                metadata: typed_metadata.clone(),
                reason: reason.map(str::to_owned),
                forgotten: false,
                payload: payload.into(),
            };
            let sealed = match &key {
                _ if personal.is_empty() => None,
                Some(key) => {
                    let place = Place {
                        stream: &stream,
                        version,
                        event_type: &event.event_type,
                        schema_version: event.schema_version,
                        facility_id,
                    };
                    Some(sealing::seal(key, &place, &personal).map_err(LogError::from)?)
                }
                None => {
                    let what = format!("{} has personal content and no subject", event.event_type);
                    return Err(AppendError::Invalid(what));
                }
            };
            reservations.extend(event.reservations);
            prepared.events.push(PreparedEvent {
                readable,
                id: event.event_id.0,
                stream: stream.to_string(),
                version: version.to_sql(),
                event_type: event.event_type,
                schema_version: i32::try_from(event.schema_version)
                    .map_err(|_| AppendError::Invalid("schema version".to_owned()))?,
                facility: facility_id.0,
                subject: subject_id.map(|subject| subject.0),
                // PostgreSQL keeps microseconds.
                occurred_at: event.occurred_at.map(whole_microseconds),
                payload: serde_json::Value::Object(event.payload).to_string(),
                sealed,
                metadata: metadata.clone(),
            });
        }
        let new = expected == StreamVersion::ZERO;
        self.prepare_reservations(prepared, &stream, new, facility_id, reservations)
    }

    /// Of several events that speak of the same kind, the last decides what the stream holds.
    fn prepare_reservations(
        &self,
        prepared: &mut PreparedAppend,
        stream: &StreamId,
        new: bool,
        facility_id: FacilityId,
        reservations: Vec<Reservation>,
    ) -> Result<(), AppendError> {
        let mut decided = HashSet::new();
        for reservation in reservations.into_iter().rev() {
            let kind = match &reservation {
                Reservation::Keys { kind, .. } => kind.name(),
                Reservation::Times { kind, .. } => kind.name(),
            };
            if !decided.insert(kind) {
                continue;
            }
            // A stream of which there is no event yet holds nothing.
            if !new {
                prepared.freed.push(FreedKind { stream: stream.to_string(), kind });
            }
            match reservation {
                Reservation::Keys { kind, keys } => {
                    let keys = keys.into_iter().map(|key| self.prepare_key(stream, facility_id, kind, key));
                    prepared.keys.extend(keys);
                }
                Reservation::Times { kind, holds } => {
                    for TimeHold { resource, during, shared } in joined(holds)? {
                        let kind = if shared { kind.shared_name() } else { kind.name() };
                        prepared.holds.push(PreparedHold { stream: stream.to_string(), kind, resource, during });
                    }
                }
            }
        }
        let mut taken = HashSet::new();
        prepared.keys.retain(|key| taken.insert((key.kind, key.scope, key.value.clone())));
        Ok(())
    }

    fn prepare_key(&self, stream: &StreamId, facility: FacilityId, kind: KeyKind, key: UniqueKey) -> PreparedKey {
        let scope = match key.scope {
            KeyScope::Facility => facility.0,
            KeyScope::Everywhere => Uuid::nil(),
        };
        let value = if kind.is_personal() {
            let field = format!("{} {}", kind.name(), scope);
            self.0.keys.lookup_hash(&field, &key.value).to_vec()
        } else {
            key.value.into_bytes()
        };
        PreparedKey { stream: stream.to_string(), kind: kind.name(), scope, value, shared: key.shared }
    }
}

fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// One stream's holds with those of a resource that overlap or touch joined into one: a stream never conflicts with
/// itself.
fn joined(mut holds: Vec<TimeHold>) -> Result<Vec<TimeHold>, AppendError> {
    holds.sort_by_key(|hold| (hold.resource, hold.shared, hold.during.from));
    let mut result: Vec<TimeHold> = Vec::with_capacity(holds.len());
    for hold in holds {
        if hold.during.from >= hold.during.until {
            return Err(AppendError::Invalid("a hold ends before it begins".to_owned()));
        }
        match result.last_mut() {
            Some(last)
                if (last.resource, last.shared) == (hold.resource, hold.shared)
                    && hold.during.from <= last.during.until =>
            {
                last.during.until = last.during.until.max(hold.during.until);
            }
            _ => result.push(hold),
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use domain::scheduling::Interval;
    use jiff::Timestamp;

    use super::*;

    fn hold(resource: u128, from: i64, until: i64) -> TimeHold {
        let during = Interval { from: Timestamp::constant(from, 0), until: Timestamp::constant(until, 0) };
        TimeHold { resource: Uuid::from_u128(resource), during, shared: false }
    }

    #[test]
    fn overlapping_holds_of_one_stream_are_joined() {
        let holds = vec![hold(1, 20, 30), hold(1, 0, 10), hold(1, 5, 20), hold(2, 0, 5), hold(1, 40, 50)];
        let joined = joined(holds).expect("all end after they begin");
        assert_eq!(joined, [hold(1, 0, 30), hold(1, 40, 50), hold(2, 0, 5)]);
    }

    #[test]
    fn a_hold_that_ends_before_it_begins_is_refused() {
        assert!(joined(vec![hold(1, 10, 10)]).is_err());
    }
}
