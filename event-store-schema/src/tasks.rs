//! Background tasks. Each is supervised: one that dies is started again, and its health says so.
//!
//! A request's task dies in front of its client. A background task (the committer, a projection, the publisher, a policy)
//! dies unseen: the server goes on answering, and the task's work stays undone. So nothing is spawned bare. A part of the
//! house starts its tasks with [`Tasks::start`], or runs [`supervise`] where it keeps futures of its own. `health/ready`
//! reads each [`TaskHealth`].
//!
//! ```no_run
//! # use event_store_schema::tasks::Tasks;
//! # use tokio_util::sync::CancellationToken;
//! # async fn publish(_: u16) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() {
//! let stop = CancellationToken::new();
//! let tasks = Tasks::new(stop.clone());
//! // `publish` has no safe point to end at: it is dropped when the house stops.
//! let health = tasks.start("publisher", |stop| stop.run_until_cancelled_owned(publish(4222)));
//! println!("{}: {}", health.name(), health.state());
//! stop.cancel();
//! tasks.ended().await;
//! # }
//! ```

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The pause before the first restart; each further one doubles it.
pub const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two restarts.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A restarted task that has run for so long counts as running again, and its next pause is the first one.
pub const STEADY_AFTER: Duration = Duration::from_secs(10);

/// The counter of restarts; its label `task` names the task.
pub const RESTARTS: &str = "task_restarts_total";

/// What a supervised future may return: nothing, or a `Result` whose error is reported.
///
/// Errors are logged and shown by `health/ready`, so their texts must hold no personal data.
pub trait TaskOutcome {
    /// The reason, if it is a failure.
    fn failure(self) -> Option<String>;
}

impl TaskOutcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<T, E: fmt::Display> TaskOutcome for Result<T, E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// A future that was cancelled by [`CancellationToken::run_until_cancelled_owned`] has not failed.
impl<T: TaskOutcome> TaskOutcome for Option<T> {
    fn failure(self) -> Option<String> {
        self.and_then(T::failure)
    }
}

/// What a task is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It runs.
    Running,
    /// It died, and is started again and again. It counts as running once it has lived for [`STEADY_AFTER`].
    Restarting {
        /// When it died first.
        since: Timestamp,
        /// How often it has died since then.
        deaths: u32,
        /// Why it died last: its error, or a panic's message if that is a literal of the source.
        last_error: String,
    },
    /// It was stopped and does not come back.
    Ended,
}

/// For the detail of a readiness check.
impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Restarting { since, last_error, .. } => write!(f, "restarting since {since:.0}: {last_error}"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// How one task is doing. Cheap to clone, and to ask.
#[derive(Clone, Debug)]
pub struct TaskHealth {
    name: Arc<str>,
    state: watch::Receiver<TaskState>,
}

impl TaskHealth {
    /// The name that the task was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the task is doing at this moment.
    pub fn state(&self) -> TaskState {
        self.state.borrow().clone()
    }

    /// Whether the task runs, and has not died lately.
    pub fn is_running(&self) -> bool {
        *self.state.borrow() == TaskState::Running
    }
}

/// Runs the futures that `make` produces, one after the other, until `stop` is cancelled.
///
/// A future that panics, fails or returns before `stop` is replaced by a new one, after a pause between [`FIRST_PAUSE`] and
/// [`LONGEST_PAUSE`]. Each replacement is logged and counted in [`RESTARTS`]. State that must survive a restart belongs to
/// `make`.
///
/// At `stop` the supervisor waits for the future, which may end at a safe point of its own. It is not aborted: a future
/// that does not look at its token is wrapped in [`CancellationToken::run_until_cancelled_owned`]. A task whose work is
/// done for ever cancels the token that it was given.
///
/// The returned future is the supervisor. It does nothing until it is polled; when it is dropped, the task is aborted.
#[must_use = "the task runs only while the supervisor is polled"]
pub fn supervise<M, T>(
    name: impl Into<Arc<str>>,
    stop: CancellationToken,
    make: M,
) -> (TaskHealth, impl Future<Output = ()> + Send + 'static)
where
    M: Fn(CancellationToken) -> T + Send + Sync + 'static,
    T: Future<Output: TaskOutcome> + Send + 'static,
{
    let name = name.into();
    let (state, watched) = watch::channel(TaskState::Running);
    let health = TaskHealth { name: Arc::clone(&name), state: watched };
    (health, keep_running(Board { name, state }, stop, Arc::new(make)))
}

async fn keep_running<M, T>(board: Board, stop: CancellationToken, make: Arc<M>)
where
    M: Fn(CancellationToken) -> T + Send + Sync + 'static,
    T: Future<Output: TaskOutcome> + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        // A set of one, because a set aborts what it holds when it is dropped.
        let mut task = JoinSet::new();
        let (make, token) = (Arc::clone(&make), stop.clone());
        task.spawn(async move { make(token).await.failure() });
        let ended = match timeout(STEADY_AFTER, task.join_next()).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                board.show_running();
                pause = FIRST_PAUSE;
                task.join_next().await
            }
        };
        let failure = match ended {
            Some(Ok(failure)) => failure,
            Some(Err(error)) => Some(match error.try_into_panic() {
                Ok(panic) => panic_message(&*panic).to_owned(),
                Err(_cancelled) => "it was aborted".to_owned(),
            }),
            None => None,
        };
        if stop.is_cancelled() {
            if let Some(error) = failure {
                tracing::error!(task = &*board.name, error, "a background task failed while it was stopped");
            }
            return;
        }
        board.show_death(failure.unwrap_or_else(|| "it returned".to_owned()), pause);
        if timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A message that is built at run time may quote personal data, so it is not repeated.
fn panic_message(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("it panicked")
}

/// Where a supervisor shows how its task is doing.
struct Board {
    name: Arc<str>,
    state: watch::Sender<TaskState>,
}

impl Board {
    fn show_running(&self) {
        self.state.send_if_modified(|state| {
            let recovered = *state != TaskState::Running;
            *state = TaskState::Running;
            recovered
        });
    }

    fn show_death(&self, error: String, pause: Duration) {
        tracing::error!(task = &*self.name, error, ?pause, "a background task died; it is started again");
        metrics::counter!(RESTARTS, "task" => self.name.to_string()).increment(1);
        self.state.send_modify(|state| {
            let (since, before) = match state {
                TaskState::Restarting { since, deaths, .. } => (*since, *deaths),
                TaskState::Running | TaskState::Ended => (Timestamp::now(), 0),
            };
            *state = TaskState::Restarting { since, deaths: before.saturating_add(1), last_error: error };
        });
    }
}

/// Also when the supervisor is dropped: nobody starts the task again.
impl Drop for Board {
    fn drop(&mut self) {
        self.state.send_replace(TaskState::Ended);
    }
}

/// The background tasks of a process, or of a part of it that is stopped by itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
    health: Arc<Mutex<Vec<TaskHealth>>>,
}

impl Tasks {
    /// No task yet; those to come end at `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, tracker: TaskTracker::new(), health: Arc::default() }
    }

    /// [Supervises](supervise) a task that lives as long as the process. Needs a Tokio runtime around it.
    pub fn start<M, T>(&self, name: impl Into<Arc<str>>, make: M) -> TaskHealth
    where
        M: Fn(CancellationToken) -> T + Send + Sync + 'static,
        T: Future<Output: TaskOutcome> + Send + 'static,
    {
        let (health, supervisor) = supervise(name, self.stop.clone(), make);
        self.tracker.spawn(supervisor);
        self.watch(health.clone());
        health
    }

    /// Adds a task that is supervised elsewhere to [`health`](Self::health).
    pub fn watch(&self, health: TaskHealth) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).push(health);
    }

    /// How each task is doing, in the order of their start.
    pub fn health(&self) -> Vec<TaskHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Resolves when all tasks that were started here have ended: some time after `stop`.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests;
