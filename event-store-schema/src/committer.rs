//! Group commit: one task per server gathers the appends that wait while the batch before them commits, and sends them
//! as one call. So a thousand commands need tens of fsyncs.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::event::RecordedEvent;
use domain::ids::{Position, StreamId, StreamVersion};
use domain::scheduling::Interval;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::{Client, Row, Statement};

use crate::append::Appended;
use crate::batch::{Columns, Footprint, PreparedAppend};
use crate::database::{Database, DatabaseError};
use crate::error::{AppendError, Holder, LogError};
use crate::tail::Tail;

/// More requests in one call would make each of them wait longer without saving fsyncs.
const LARGEST_BATCH: usize = 256;

/// Appends that may wait before new ones are refused as overload.
pub(crate) const QUEUE_LENGTH: usize = 2048;

/// How long to wait before trying a database again that is away.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// An append that waits for its turn.
pub(crate) struct Pending {
    pub(crate) request: PreparedAppend,
    pub(crate) deadline: Instant,
    pub(crate) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Pending {
    fn answer(self, outcome: Result<Appended, AppendError>) {
        // Whoever asked may have gone away; the log does not mind.
        let _ = self.answer.send(outcome);
    }
}

struct Session {
    client: Client,
    append: Statement,
}

/// The task's own state.
pub(crate) struct Committer {
    database: Database,
    head: watch::Sender<Position>,
    tail: Arc<Tail>,
    session: Option<Session>,
}

impl Committer {
    pub(crate) fn new(database: Database, head: watch::Sender<Position>, tail: Arc<Tail>) -> Self {
        Self { database, head, tail, session: None }
    }

    /// Runs until nobody can send any more.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Pending>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match inbox.recv().await {
                    Some(pending) => waiting.push_back(pending),
                    None => return,
                }
            }
            while waiting.len() < QUEUE_LENGTH
                && let Ok(pending) = inbox.try_recv()
            {
                waiting.push_back(pending);
            }
            let batch = next_batch(&mut waiting);
            metrics::histogram!("log_append_batch_size").record(batch.len() as f64);
            let started = Instant::now();
            self.commit(batch).await;
            metrics::histogram!("log_append_seconds").record(started.elapsed());
        }
    }

    /// Sends the batch until it is answered or nobody waits for it any more.
    async fn commit(&mut self, mut batch: Vec<Pending>) {
        // Whether an earlier try may have been committed without our seeing the answer.
        let mut uncertain = false;
        loop {
            batch = give_up_expired(batch, uncertain);
            let Some(deadline) = batch.iter().map(|pending| pending.deadline).max() else {
                return;
            };
            let sent = tokio::time::timeout_at(deadline.into(), self.send(&batch)).await;
            match sent {
                Ok(Ok(rows)) => return self.answer(batch, &rows, uncertain).await,
                Ok(Err(SendError::NotSent(error))) => {
                    tracing::warn!(%error, "the log cannot be reached");
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
                Ok(Err(SendError::Lost(error))) => {
                    tracing::warn!(%error, "the connection was lost during an append");
                    self.session = None;
                    uncertain = true;
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
                Ok(Err(SendError::Refused(error))) => return self.commit_singly(batch, error).await,
                Err(_elapsed) => {
                    // A frozen database may still commit what it was sent.
                    uncertain |= self.session.is_some();
                    self.session = None;
                }
            }
        }
    }

    /// One request made the whole call fail, which the checks before should have ruled out. It must not take the
    /// others down with it.
    async fn commit_singly(&mut self, batch: Vec<Pending>, error: DatabaseError) {
        let mut batch = batch;
        if batch.len() == 1 {
            if let Some(pending) = batch.pop() {
                let error = LogError::Database(error);
                tracing::error!(%error, "an append was refused by the database");
                pending.answer(Err(error.into()));
            }
            return;
        }
        for pending in batch {
            Box::pin(self.commit(vec![pending])).await;
        }
    }

    async fn send(&mut self, batch: &[Pending]) -> Result<Vec<Row>, SendError> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            self.session = Some(self.open().await.map_err(SendError::NotSent)?);
        }
        let Some(Session { client, append }) = &self.session else {
            return Ok(Vec::new());
        };
        let columns = Columns::of(batch.iter().map(|pending| &pending.request));
        client.query(append, &columns.parameters()).await.map_err(SendError::of)
    }

    async fn open(&self) -> Result<Session, DatabaseError> {
        let client = self.database.dedicated().await?;
        let append = client.prepare(include_str!("../sql/append.sql")).await?;
        Ok(Session { client, append })
    }

    async fn answer(&self, batch: Vec<Pending>, rows: &[Row], uncertain: bool) {
        let mut newest = Position::ZERO;
        let mut written = Vec::new();
        for (number, mut pending) in (1..).zip(batch) {
            let mut outcome = read_outcome(number, rows).unwrap_or_else(|error| Err(error.into()));
            if uncertain && matches!(outcome, Err(AppendError::WrongVersion { .. })) {
                outcome = match self.find_own(&pending.request).await {
                    Ok(Some(appended)) => Ok(appended),
                    Ok(None) => outcome,
                    Err(error) => {
                        tracing::warn!(%error, "the outcome of an append stays unknown");
                        Err(AppendError::Unavailable { outcome_unknown: true })
                    }
                };
            }
            if let Ok(appended) = &outcome {
                newest = newest.max(appended.last_position);
                // Where an answer was lost, what stands in the log is for the log to say.
                if !appended.replayed && !uncertain {
                    written.extend(readable(&mut pending.request, appended));
                }
            }
            pending.answer(outcome);
        }
        self.tail.extend(written);
        self.head.send_if_modified(|head| {
            let grown = newest > *head;
            *head = newest.max(*head);
            grown
        });
    }

    /// After a lost connection: the request's own events in the log, if the lost try had been committed. What was
    /// written at those versions tells whose it is by the event ids.
    async fn find_own(&self, request: &PreparedAppend) -> Result<Option<Appended>, LogError> {
        let (Some(first), Some(last)) = (request.events.first(), request.events.last()) else {
            return Ok(None);
        };
        let client = self.database.get().await?;
        let find = client.prepare_cached(include_str!("../sql/find_event.sql")).await?;
        let mut found = Vec::with_capacity(2);
        for event in [first, last] {
            match client.query_opt(&find, &[&event.stream, &event.version]).await? {
                Some(row) if row.try_get::<_, uuid::Uuid>("event_id")? == event.id => found.push(row),
                _ => return Ok(None),
            }
        }
        let position = |row: &Row| row.try_get("global_position").map(Position::from_sql);
        let version =
            request.events.iter().filter(|event| event.stream == first.stream).map(|event| event.version).max();
        Ok(Some(Appended {
            stream: stream_id(&first.stream)?,
            version: StreamVersion::from_sql(version.unwrap_or_default()),
            first_position: position(&found[0])?,
            last_position: position(&found[1])?,
            recorded_at: found[1].try_get("recorded_at")?,
            replayed: false,
        }))
    }
}

/// The events of an append as readers read them. The events of a request stand one after the other in the log.
fn readable(request: &mut PreparedAppend, appended: &Appended) -> Vec<RecordedEvent> {
    let mut position = appended.first_position;
    let events = take(&mut request.events).into_iter().map(|event| {
        let mut readable = event.readable;
        readable.position = position;
        readable.recorded_at = appended.recorded_at;
        readable.occurred_at = event.occurred_at.unwrap_or(appended.recorded_at);
        position = position.next();
        readable
    });
    events.collect()
}

/// Why a batch got no answer.
enum SendError {
    /// There was no connection to send it on.
    NotSent(DatabaseError),
    /// The connection ended before the answer came.
    Lost(DatabaseError),
    /// The database refused the call as a whole; nothing was written.
    Refused(DatabaseError),
}

impl SendError {
    fn of(error: tokio_postgres::Error) -> Self {
        match DatabaseError::from(error) {
            error if error.is_outage() => Self::Lost(error),
            error => Self::Refused(error),
        }
    }
}

/// The longest run of waiting requests that may share a batch; the others keep their order.
fn next_batch(waiting: &mut VecDeque<Pending>) -> Vec<Pending> {
    let mut footprint = Footprint::default();
    let mut batch = Vec::new();
    let mut later = VecDeque::new();
    for pending in waiting.drain(..) {
        if batch.len() < LARGEST_BATCH && footprint.try_add(&pending.request) {
            batch.push(pending);
        } else {
            later.push_back(pending);
        }
    }
    *waiting = later;
    batch
}

fn give_up_expired(batch: Vec<Pending>, outcome_unknown: bool) -> Vec<Pending> {
    let now = Instant::now();
    let (expired, alive): (Vec<_>, Vec<_>) = batch.into_iter().partition(|pending| pending.deadline <= now);
    for pending in expired {
        pending.answer(Err(AppendError::Unavailable { outcome_unknown }));
    }
    alive
}

/// The outcome of one request among the rows of the batch.
fn read_outcome(number: i32, rows: &[Row]) -> Result<Result<Appended, AppendError>, LogError> {
    let mut holders = Vec::new();
    for row in rows {
        if row.try_get::<_, i32>("request")? != number {
            continue;
        }
        let stream = stream_id(row.try_get("stream")?)?;
        match row.try_get("outcome")? {
            "key_reused" => return Ok(Err(AppendError::IdempotencyKeyReused)),
            "wrong_version" => {
                let actual = StreamVersion::from_sql(row.try_get("version")?);
                return Ok(Err(AppendError::WrongVersion { stream, actual }));
            }
            "reserved" => {
                let times = row.try_get::<_, Option<_>>("starts")?.zip(row.try_get::<_, Option<_>>("ends")?);
                let during = times.map(|(from, until)| Interval { from, until });
                holders.push(Holder { kind: row.try_get("kind")?, stream, during });
            }
            outcome => {
                return Ok(Ok(Appended {
                    stream,
                    version: StreamVersion::from_sql(row.try_get("version")?),
                    first_position: Position::from_sql(row.try_get("first_position")?),
                    last_position: Position::from_sql(row.try_get("last_position")?),
                    recorded_at: row.try_get("recorded")?,
                    replayed: outcome == "replayed",
                }));
            }
        }
    }
    if holders.is_empty() {
        return Err(malformed("append answer"));
    }
    Ok(Err(AppendError::Reserved(holders)))
}

fn stream_id(text: &str) -> Result<StreamId, LogError> {
    text.parse().map_err(|_| malformed("stream_id"))
}

fn malformed(what: &'static str) -> LogError {
    LogError::Malformed { position: 0, what }
}
