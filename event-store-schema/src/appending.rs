//! Appends as [`group_commit`](crate::group_commit) commits them: which may share a batch, the call of `log.append`, and what
//! its rows say to each request.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ids::{Position, StreamVersion};
use domain::scheduling::Interval;
use tokio::sync::watch;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

use crate::append::Appended;
use crate::batch::{Columns, Footprint, PreparedAppend, PreparedEvent};
use crate::cell::{Cells, Malformed};
use crate::database::{Database, DatabaseError};
use crate::error::{AppendError, Holder, LogError};
use crate::group_commit::{Batched, Pending};
use crate::tail::Tail;

/// More requests in one call would make each of them wait longer without saving fsyncs.
const LARGEST_BATCH: usize = 256;

/// How many appends the inbox holds, and how many more the task gathers to choose a batch from.
const QUEUE_LENGTH: usize = 2048;

/// What a batch of appends needs, and what it changes when it is written.
pub(crate) struct Appending {
    pub(crate) database: Database,
    pub(crate) head: watch::Sender<Position>,
    pub(crate) tail: Arc<Tail>,
}

impl Batched for Appending {
    const NAME: &'static str = "log appends";
    const INBOX: usize = QUEUE_LENGTH;
    const GATHERED: usize = QUEUE_LENGTH;
    const STATEMENT: &'static str = include_str!("../sql/append.sql");
    const METRICS: (&'static str, &'static str) = ("log_append_batch_size", "log_append_seconds");

    type Request = PreparedAppend;
    type Reply = Vec<Row>;
    type Answer = Appended;
    type Error = AppendError;

    fn weight(_request: &PreparedAppend) -> usize {
        1
    }

    /// As many waiting requests as may share a batch.
    fn next_batch(waiting: &mut VecDeque<Pending<Self>>) -> Vec<Pending<Self>> {
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

    async fn call(
        &self,
        client: &Client,
        statement: &Statement,
        batch: &[Pending<Self>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let columns = Columns::of(batch.iter().map(|pending| &pending.request));
        client.query(statement, &columns.parameters()).await
    }

    async fn answer(&self, batch: Vec<Pending<Self>>, rows: Vec<Row>, uncertain: bool) {
        let mut newest = Position::ZERO;
        let mut written = Vec::new();
        for (number, mut pending) in (1..).zip(batch) {
            let mut outcome = read_outcome(number, &rows).unwrap_or_else(|error| Err(error.into()));
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

    fn overloaded() -> AppendError {
        AppendError::Overloaded
    }

    fn unavailable(outcome_unknown: bool) -> AppendError {
        AppendError::Unavailable { outcome_unknown }
    }

    fn refused(error: DatabaseError) -> AppendError {
        LogError::Database(error).into()
    }
}

impl Appending {
    /// After a lost connection: the request's own events in the log, if the lost try was committed. The ids of the events at
    /// those versions tell whose they are.
    async fn find_own(&self, request: &PreparedAppend) -> Result<Option<Appended>, LogError> {
        let (Some(first), Some(last)) = (request.events.first(), request.events.last()) else {
            return Ok(None);
        };
        let client = self.database.get().await?;
        let find = client.prepare_cached(include_str!("../sql/find_event.sql")).await?;
        let Some(first_row) = find_event(&client, &find, first).await? else { return Ok(None) };
        let Some(last_row) = find_event(&client, &find, last).await? else { return Ok(None) };
        let version =
            request.events.iter().filter(|event| event.stream == first.stream).map(|event| event.version).max();
        Ok(Some(Appended {
            stream: first.readable.stream.clone(),
            version: StreamVersion::from_sql(version.unwrap_or_default()),
            first_position: first_row.position("global_position")?,
            last_position: last_row.position("global_position")?,
            recorded_at: last_row.cell("recorded_at")?,
            replayed: false,
        }))
    }
}

/// The row of this very event, if it was written.
async fn find_event(client: &Client, find: &Statement, event: &PreparedEvent) -> Result<Option<Row>, LogError> {
    match client.query_opt(find, &[&event.stream, &event.version]).await? {
        Some(row) if row.cell::<Uuid>("event_id")? == event.id => Ok(Some(row)),
        Some(_) | None => Ok(None),
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

/// The outcome of one request among the rows of the batch.
fn read_outcome(number: i32, rows: &[Row]) -> Result<Result<Appended, AppendError>, LogError> {
    let mut holders = Vec::new();
    for row in rows {
        if row.cell::<i32>("request")? != number {
            continue;
        }
        let stream = row.stream("stream")?;
        let outcome = row.cell("outcome")?;
        match outcome {
            "key_reused" => return Ok(Err(AppendError::IdempotencyKeyReused)),
            "wrong_version" => {
                let actual = row.version("version")?;
                return Ok(Err(AppendError::WrongVersion { stream, actual }));
            }
            "reserved" => {
                let times = row.cell::<Option<_>>("starts")?.zip(row.cell::<Option<_>>("ends")?);
                let during = times.map(|(from, until)| Interval { from, until });
                holders.push(Holder { kind: row.cell("kind")?, stream, during });
            }
            "appended" | "replayed" => {
                return Ok(Ok(Appended {
                    stream,
                    version: row.version("version")?,
                    first_position: row.position("first_position")?,
                    last_position: row.position("last_position")?,
                    recorded_at: row.cell("recorded")?,
                    replayed: outcome == "replayed",
                }));
            }
            _ => return Err(Malformed("outcome").into()),
        }
    }
    if holders.is_empty() {
        return Err(Malformed("outcome").into());
    }
    Ok(Err(AppendError::Reserved(holders)))
}
