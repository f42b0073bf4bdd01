//! Group commit: one task per server gathers the requests that wait while the former batch commits, and sends them as one
//! call. A thousand requests need tens of fsyncs, not a thousand.
//!
//! Appends ([`appending`](crate::appending)) and traces of access ([`access`](crate::access)) are committed this way. A new
//! patient's data key is a column of the append that introduces the patient, so keys need no queue of their own.
//!
//! ```text
//! GroupCommit::submit ─► inbox (bounded) ─► waiting ─► next_batch ─► one call ─► an answer for each request
//! ```
//!
//! A request is answered once: when it is on disk, when the database refuses it, or at its deadline. The task is supervised.
//! If it dies, the requests that it held are answered as of unknown outcome, and those in the inbox wait for its successor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{sleep, timeout, timeout_at};
use tokio_postgres::{Client, Statement};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::tasks::{TaskHealth, supervise};

/// How long to wait before a database that is away is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// How much longer than to its deadline a request waits for an answer that is on its way.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// One kind of requests that are committed together.
pub(crate) trait Batched: Send + Sync + 'static {
    /// The name of the task.
    const NAME: &'static str;
    /// How many requests the inbox holds. A further one is refused as overload.
    const INBOX: usize;
    /// The statement that takes a whole batch.
    const STATEMENT: &'static str;
    /// The histograms of the weight of a batch, and of the seconds it takes.
    const METRICS: (&'static str, &'static str);
    /// No more requests are taken out of the inbox while those that wait weigh so much.
    const GATHERED: usize;

    type Request: Send + Sync;
    type Reply: Send;
    type Answer: Send;
    type Error: Send;

    /// What a request counts for.
    fn weight(request: &Self::Request) -> usize;

    /// Takes the requests out that go together, at least one. The others keep their order.
    fn next_batch(waiting: &mut VecDeque<Pending<Self>>) -> Vec<Pending<Self>>;

    /// Calls the statement with a batch.
    fn call(
        &self,
        client: &Client,
        statement: &Statement,
        batch: &[Pending<Self>],
    ) -> impl Future<Output = Result<Self::Reply, tokio_postgres::Error>> + Send;

    /// Answers each request of a batch that the database took. `uncertain`: an earlier try of the same batch may have been
    /// committed, and its reply was lost.
    fn answer(&self, batch: Vec<Pending<Self>>, reply: Self::Reply, uncertain: bool)
    -> impl Future<Output = ()> + Send;

    fn overloaded() -> Self::Error;
    fn unavailable(outcome_unknown: bool) -> Self::Error;
    fn refused(error: DatabaseError) -> Self::Error;
}

type Outcome<B> = Result<<B as Batched>::Answer, <B as Batched>::Error>;

/// A request that waits for its turn.
pub(crate) struct Pending<B: Batched + ?Sized> {
    pub(crate) request: B::Request,
    deadline: Instant,
    answer: oneshot::Sender<Outcome<B>>,
}

impl<B: Batched + ?Sized> Pending<B> {
    pub(crate) fn answer(self, outcome: Outcome<B>) {
        // The client may have gone away. What is written stays written.
        let _ = self.answer.send(outcome);
    }
}

/// The way to the task. Its clones share the task, which ends after the last of them.
pub(crate) struct GroupCommit<B: Batched> {
    inbox: mpsc::Sender<Pending<B>>,
    timeout: Duration,
    health: TaskHealth,
}

impl<B: Batched> Clone for GroupCommit<B> {
    fn clone(&self) -> Self {
        Self { inbox: self.inbox.clone(), timeout: self.timeout, health: self.health.clone() }
    }
}

impl<B: Batched> GroupCommit<B> {
    /// Starts the task. A request that the database has not answered within `timeout` is given up.
    pub(crate) fn start(database: Database, timeout: Duration, batched: B) -> Self {
        let (inbox, requests) = mpsc::channel(B::INBOX);
        let batched = Arc::new(batched);
        let requests = Arc::new(Mutex::new(requests));
        let (health, supervisor) = supervise(B::NAME, CancellationToken::new(), move |stop| {
            let committer = Committer { database: database.clone(), batched: Arc::clone(&batched), session: None };
            let requests = Arc::clone(&requests);
            async move {
                // The lock is free: the task before has ended.
                committer.run(&mut *requests.lock().await).await;
                stop.cancel();
            }
        });
        // It ends with the last sender, and shows in `health`.
        tokio::spawn(supervisor);
        Self { inbox, timeout, health }
    }

    /// How the task is doing.
    pub(crate) fn health(&self) -> &TaskHealth {
        &self.health
    }

    /// The outcome of the request; overload at once if the inbox is full.
    pub(crate) async fn submit(&self, request: B::Request) -> Outcome<B> {
        let place = self.inbox.try_reserve().map_err(|_| B::overloaded())?;
        self.send(place, request).await
    }

    /// The outcome of the request, which waits for a place in the inbox before it waits for its answer.
    pub(crate) async fn submit_patiently(&self, request: B::Request) -> Outcome<B> {
        let place = timeout(self.timeout, self.inbox.reserve()).await.map_err(|_elapsed| B::overloaded())?;
        let place = place.map_err(|_closed| B::unavailable(false))?;
        self.send(place, request).await
    }

    async fn send(&self, place: mpsc::Permit<'_, Pending<B>>, request: B::Request) -> Outcome<B> {
        let deadline = Instant::now() + self.timeout;
        let (answer, answered) = oneshot::channel();
        place.send(Pending { request, deadline, answer });
        match timeout_at((deadline + ANSWER_GRACE).into(), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(B::unavailable(true)),
        }
    }
}

/// A connection of the task's own.
struct Session {
    client: Client,
    statement: Statement,
}

/// The task's own state.
struct Committer<B> {
    database: Database,
    batched: Arc<B>,
    session: Option<Session>,
}

impl<B: Batched> Committer<B> {
    /// Runs until nobody can send any more.
    async fn run(mut self, inbox: &mut mpsc::Receiver<Pending<B>>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match inbox.recv().await {
                    Some(pending) => waiting.push_back(pending),
                    None => return,
                }
            }
            gather(&mut waiting, inbox);
            let batch = B::next_batch(&mut waiting);
            let (batch_size, seconds) = B::METRICS;
            metrics::histogram!(batch_size).record(weight(&batch) as f64);
            let started = Instant::now();
            self.commit(batch).await;
            metrics::histogram!(seconds).record(started.elapsed());
        }
    }

    /// Sends the batch until it is answered or nobody waits for it any more.
    async fn commit(&mut self, mut batch: Vec<Pending<B>>) {
        // Whether an earlier try may have been committed without our seeing the reply.
        let mut uncertain = false;
        loop {
            give_up_expired(&mut batch, uncertain);
            let Some(deadline) = batch.iter().map(|pending| pending.deadline).max() else { return };
            match timeout_at(deadline.into(), self.send(&batch)).await {
                Ok(Ok(reply)) => return self.batched.answer(batch, reply, uncertain).await,
                Ok(Err(SendError::NotSent(error))) => {
                    tracing::warn!(task = B::NAME, %error, "the database cannot be reached");
                    sleep(RECONNECT_PAUSE).await;
                }
                Ok(Err(SendError::Lost(error))) => {
                    tracing::warn!(task = B::NAME, %error, "the connection was lost during a call");
                    self.session = None;
                    uncertain = true;
                    sleep(RECONNECT_PAUSE).await;
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

    /// One request made the whole call fail. It must not take the others down with it.
    async fn commit_singly(&mut self, mut batch: Vec<Pending<B>>, error: DatabaseError) {
        if batch.len() > 1 {
            for pending in batch {
                Box::pin(self.commit(vec![pending])).await;
            }
        } else if let Some(pending) = batch.pop() {
            tracing::error!(task = B::NAME, %error, "the database refuses a request");
            pending.answer(Err(B::refused(error)));
        }
    }

    async fn send(&mut self, batch: &[Pending<B>]) -> Result<B::Reply, SendError> {
        let session = match self.session.take().filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => self.open().await.map_err(SendError::NotSent)?,
        };
        // Kept before the call: when the call is given up, this says that something was sent.
        let Session { client, statement } = self.session.insert(session);
        self.batched.call(client, statement, batch).await.map_err(SendError::of)
    }

    async fn open(&self) -> Result<Session, DatabaseError> {
        let client = self.database.dedicated().await?;
        let statement = client.prepare(B::STATEMENT).await?;
        Ok(Session { client, statement })
    }
}

/// Why a batch got no reply.
enum SendError {
    /// There was no connection to send it on.
    NotSent(DatabaseError),
    /// The connection ended before the reply came.
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

fn weight<'a, B: Batched>(pending: impl IntoIterator<Item = &'a Pending<B>>) -> usize {
    pending.into_iter().map(|pending| B::weight(&pending.request)).sum()
}

/// Adds what waits in the inbox to what was gathered before, up to [`Batched::GATHERED`].
fn gather<B: Batched>(waiting: &mut VecDeque<Pending<B>>, inbox: &mut mpsc::Receiver<Pending<B>>) {
    let mut gathered = weight::<B>(&*waiting);
    while gathered < B::GATHERED
        && let Ok(pending) = inbox.try_recv()
    {
        gathered += B::weight(&pending.request);
        waiting.push_back(pending);
    }
}

fn give_up_expired<B: Batched>(batch: &mut Vec<Pending<B>>, outcome_unknown: bool) {
    let now = Instant::now();
    for late in batch.extract_if(.., |pending| pending.deadline <= now) {
        late.answer(Err(B::unavailable(outcome_unknown)));
    }
}

#[cfg(test)]
mod tests;
