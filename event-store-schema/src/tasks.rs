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
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Lets everything run that can run without time passing.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    fn deaths(health: &TaskHealth) -> u32 {
        match health.state() {
            TaskState::Restarting { deaths, .. } => deaths,
            TaskState::Running | TaskState::Ended => 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_and_keeps_its_inbox() {
        let tasks = Tasks::new(CancellationToken::new());
        let (send, inbox) = mpsc::unbounded_channel();
        let (tell, mut told) = mpsc::unbounded_channel();
        let inbox = Arc::new(tokio::sync::Mutex::new(inbox));
        let health = tasks.start("reader", move |_| {
            let (inbox, tell) = (Arc::clone(&inbox), tell.clone());
            async move {
                while let Some(number) = inbox.lock().await.recv().await {
                    assert_ne!(number, 2, "two");
                    let _ = tell.send(number);
                }
            }
        });
        for number in 1..=3 {
            send.send(number).unwrap();
        }
        assert_eq!((told.recv().await, told.recv().await), (Some(1), Some(3)));
        assert_eq!(deaths(&health), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest() {
        let stop = CancellationToken::new();
        let (tell, mut told) = mpsc::unbounded_channel();
        let (_, supervisor) = supervise("loser", stop, move |_| {
            let _ = tell.send(Instant::now());
            async { Err::<(), _>("lost") }
        });
        let _running = tokio::spawn(supervisor);
        let mut starts = Vec::new();
        while starts.len() < 12 {
            starts.push(told.recv().await.unwrap());
        }
        let pauses: Vec<_> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis() / 10 * 10).collect();
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[9..], [30_000, 30_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_keeps_dying_shows_in_its_health_until_it_lives() {
        let stop = CancellationToken::new();
        let lives = Arc::new(AtomicU32::new(0));
        let (health, supervisor) = supervise("loser", stop, move |_| {
            let life = lives.fetch_add(1, Ordering::SeqCst);
            async move {
                if life < 3 {
                    return Err(format!("lost life {life}"));
                }
                std::future::pending::<Result<(), String>>().await
            }
        });
        let _running = tokio::spawn(supervisor);
        assert!(health.is_running());
        settle().await;
        let TaskState::Restarting { since, .. } = health.state() else { panic!("{}", health.state()) };
        sleep(Duration::from_secs(1)).await;
        let expected = TaskState::Restarting { since, deaths: 3, last_error: "lost life 2".to_owned() };
        assert_eq!(health.state(), expected, "the fourth has not lived for long");
        assert!(!health.is_running());
        sleep(STEADY_AFTER).await;
        assert_eq!(health.state(), TaskState::Running);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_lived_is_started_again_at_once() {
        let stop = CancellationToken::new();
        let (tell, mut told) = mpsc::unbounded_channel();
        let (health, supervisor) = supervise("mortal", stop, move |_| {
            let _ = tell.send(Instant::now());
            sleep(STEADY_AFTER * 2)
        });
        let _running = tokio::spawn(supervisor);
        let mut last = told.recv().await.unwrap();
        for _ in 0..3 {
            let next = told.recv().await.unwrap();
            let pause = next - last - STEADY_AFTER * 2;
            assert!(pause >= FIRST_PAUSE && pause < FIRST_PAUSE * 2, "{pause:?}");
            assert_eq!(deaths(&health), 1);
            last = next;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_shows_its_message_only_if_it_is_written_in_the_source() {
        for (patient, shown) in [(None, "no patient"), (Some("Le Goff"), "it panicked")] {
            let (health, supervisor) = supervise("clumsy", CancellationToken::new(), move |_| async move {
                match patient {
                    None => panic!("no patient"),
                    Some(name) => assert!(name.is_empty(), "{name} is no number"),
                }
            });
            let _running = tokio::spawn(supervisor);
            settle().await;
            let shows = matches!(health.state(), TaskState::Restarting { last_error, .. } if last_error == shown);
            assert!(shows, "{}", health.state());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_while_the_future_is_made_is_survived_too() {
        let (health, supervisor) =
            supervise("clumsy", CancellationToken::new(), |_| -> std::future::Pending<()> { panic!("no future") });
        let _running = tokio::spawn(supervisor);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(deaths(&health), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn stop_waits_for_the_safe_point_of_a_task() {
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        let health = tasks.start("careful", |stop| async move {
            stop.cancelled().await;
            sleep(Duration::from_secs(2)).await;
        });
        settle().await;
        let begun = Instant::now();
        stop.cancel();
        tasks.ended().await;
        assert_eq!(begun.elapsed().as_secs(), 2);
        assert_eq!(health.state(), TaskState::Ended);
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_a_pause_and_a_task_without_a_safe_point() {
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        let dead = tasks.start("dead", |_| async { Err::<(), _>("dead") });
        let endless =
            tasks.start("endless", |stop| stop.run_until_cancelled_owned(std::future::pending::<Result<(), String>>()));
        sleep(LONGEST_PAUSE * 4).await;
        assert!(!dead.is_running() && endless.is_running());
        let begun = Instant::now();
        stop.cancel();
        tasks.ended().await;
        assert!(begun.elapsed() < FIRST_PAUSE);
        assert_eq!((dead.state(), endless.state()), (TaskState::Ended, TaskState::Ended));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_whose_work_is_done_cancels_its_token() {
        let stop = CancellationToken::new();
        let (health, supervisor) = supervise("once", stop, |stop| async move { stop.cancel() });
        supervisor.await;
        assert_eq!(health.state(), TaskState::Ended);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_supervisor_aborts_the_task() {
        let alive = Arc::new(());
        let held = Arc::downgrade(&alive);
        let (health, supervisor) = supervise("orphan", CancellationToken::new(), move |_| {
            let alive = Arc::clone(&alive);
            async move {
                std::future::pending::<()>().await;
                drop(alive);
            }
        });
        let running = tokio::spawn(supervisor);
        settle().await;
        running.abort();
        settle().await;
        assert_eq!(held.strong_count(), 0);
        assert_eq!(health.state(), TaskState::Ended);
    }

    #[tokio::test(start_paused = true)]
    async fn health_lists_the_tasks_in_the_order_of_their_start() {
        let tasks = Tasks::new(CancellationToken::new());
        tasks.start("first", |_| std::future::pending::<()>());
        let (elsewhere, _supervisor) = supervise("second", CancellationToken::new(), |_| std::future::pending::<()>());
        tasks.watch(elsewhere);
        tasks.start(format!("third {}", 3), |_| async { Err::<(), _>("lost") });
        settle().await;
        let health = tasks.health();
        let names: Vec<_> = health.iter().map(TaskHealth::name).collect();
        assert_eq!(names, ["first", "second", "third 3"]);
        let shown = health.iter().map(|health| health.state().to_string()).collect::<Vec<_>>();
        assert_eq!(shown[0], "running");
        assert!(shown[2].starts_with("restarting since 20") && shown[2].ends_with("Z: lost"), "{}", shown[2]);
    }
}
