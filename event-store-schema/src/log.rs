//! [`EventLog`]: append, load, read forward.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ids::{Position, StreamId, StreamVersion};
use domain::reservation::KeyKind;
use domain::upcasting::Upcasters;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::append::{AppendRequest, Appended, IdempotencyKey};
use crate::appending::Appending;
use crate::cell::{Cells, Malformed};
use crate::database::{Database, DatabaseError};
use crate::error::{AppendError, DamagedEvent, LogError};
use crate::group_commit::GroupCommit;
use crate::keys::KeyRing;
use crate::preparing::Preparing;
use crate::row;
use crate::tail::Tail;
use crate::tasks::TaskHealth;

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
    appends: GroupCommit<Appending>,
    head: watch::Sender<Position>,
    tail: Arc<Tail>,
}

impl EventLog {
    /// Opens the log. An append that the database has not answered within `append_timeout` is given up.
    pub async fn open(
        database: Database,
        keys: KeyRing,
        upcasters: Upcasters,
        append_timeout: Duration,
    ) -> Result<Self, LogError> {
        let (head, _) = watch::channel(Position::ZERO);
        let tail = Arc::new(Tail::default());
        let appending = Appending { database: database.clone(), head: head.clone(), tail: Arc::clone(&tail) };
        let appends = GroupCommit::start(database.clone(), append_timeout, appending);
        let log = Self(Arc::new(Shared { database, keys, upcasters, appends, head, tail }));
        log.announce(log.head().await?);
        Ok(log)
    }

    /// How the task that commits appends is doing.
    pub fn health(&self) -> &TaskHealth {
        self.0.appends.health()
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
        let request = Preparing { keys: &self.0.keys, upcasters: &self.0.upcasters }.prepare(request).await?;
        self.0.appends.submit(request).await
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
        let (rows, reached) = self.rows(after, limit, wanted).await?;
        Ok((self.open_all(rows).await?, reached))
    }

    /// The same, with what is wrong with an event in its place: a reader that must not stop at one goes on with the others.
    pub async fn read_each(
        &self,
        after: Position,
        limit: u32,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<Result<RecordedEvent, DamagedEvent>>, Position), LogError> {
        if let Some(events) = self.0.tail.after(after, limit) {
            let reached = events.last().map_or(after, |event| event.position);
            let events = events.into_iter().filter(|event| wanted(&event.event_type));
            return Ok((events.map(|event| Ok(Arc::unwrap_or_clone(event))).collect(), reached));
        }
        let (rows, reached) = self.rows(after, limit, wanted).await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let (position, stream) = (row.position("global_position")?, row.stream("stream_id").ok());
            let event = row::read(row, &self.0.keys, &self.0.upcasters);
            events.push(event.map_err(|error| DamagedEvent { position, stream, error }));
        }
        Ok((events, reached))
    }

    async fn rows(
        &self,
        after: Position,
        limit: u32,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<Row>, Position), LogError> {
        let client = self.0.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/read_forward.sql")).await?;
        let rows = client.query(&statement, &[&after.to_sql(), &i64::from(limit)]).await?;
        let reached = match rows.last() {
            Some(last) => last.position("global_position")?,
            None => after,
        };
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            if wanted(row.cell("event_type")?) {
                taken.push(row);
            }
        }
        Ok((taken, reached))
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
        Ok(Position::from_sql(client.query_one(&statement, &[]).await?.cell("head")?))
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
            let outcome = Appended {
                stream: row.stream("stream_id")?,
                version: row.version("stream_version")?,
                first_position: row.position("first_position")?,
                last_position: row.position("last_position")?,
                recorded_at: row.cell("recorded_at")?,
                replayed: true,
            };
            Ok::<_, LogError>(Some((outcome, row.cell::<Vec<u8>>("request_hash")?)))
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
            Some(row) => Some(String::from_utf8(row.cell("key")?).map_err(|_| Malformed("key"))?),
            None => None,
        })
    }
}
