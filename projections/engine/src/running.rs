//! [`Projections`]: all read models that a server runs, and the requests that wait for them.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::Position;
use event_store_schema::EventLog;
use event_store_schema::tasks::{TaskHealth, Tasks};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use crate::idle::IdleCheckpoints;
use crate::progress::{Board, ProjectionState, ProjectionStatus, Tracked};
use crate::projection::{Projection, ProjectionError};
use crate::runner::Runner;

/// How often the log's head is read if nothing else told of it.
const HEAD_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How often the checkpoints of other servers' projections are read. While a request waits, the interval doubles from the
/// first to the second.
const CHECKPOINT_POLL_INTERVALS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));
const IDLE_CHECKPOINT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The running read models of one server. Cheap to clone; runs until [`stop`](Self::stop).
#[derive(Clone)]
pub struct Projections(Arc<Shared>);

struct Shared {
    log: EventLog,
    tracked: Vec<Tracked>,
    board: Arc<Board>,
    /// How many requests wait now.
    waiting: watch::Sender<usize>,
    stop: CancellationToken,
    tasks: Tasks,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Projections {
    /// Starts to run the projections, whose tables must be [installed](crate::install). One whose tables are an older
    /// release's waits until they are [rebuilt](crate::rebuild::rebuild).
    pub fn start(log: EventLog, projections: Vec<Arc<dyn Projection>>) -> Self {
        Self::run(log, None, projections)
    }

    /// The same, and rebuilds those whose tables are an older release's. `owner` may make and drop tables.
    pub fn start_as_owner(log: EventLog, owner: Config, projections: Vec<Arc<dyn Projection>>) -> Self {
        Self::run(log, Some(owner), projections)
    }

    fn run(log: EventLog, owner: Option<Config>, projections: Vec<Arc<dyn Projection>>) -> Self {
        let (tracked, board) = Tracked::all(projections);
        let waiting = watch::Sender::new(0);
        let idle = Arc::new(IdleCheckpoints::default());
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone());
        for tracked in &tracked {
            let name = format!("projection {}", tracked.name());
            let (tracked, log, owner, idle) = (tracked.clone(), log.clone(), owner.clone(), Arc::clone(&idle));
            tasks.start(name, move |stop| {
                let (tracked, log, owner, idle) = (tracked.clone(), log.clone(), owner.clone(), Arc::clone(&idle));
                Runner { tracked, log, idle, owner, stop }.run()
            });
        }
        // The other tasks have no safe point to end at, so they are dropped at a stop.
        let database = log.database().clone();
        tasks.start("idle checkpoints", move |stop| {
            let (idle, database) = (Arc::clone(&idle), database.clone());
            stop.run_until_cancelled_owned(async move { idle.keep(database).await })
        });
        let measured = (log.clone(), tracked.clone());
        tasks.start("pulse of the log", move |stop| {
            let (log, tracked) = measured.clone();
            stop.run_until_cancelled_owned(poll_head(log, tracked))
        });
        let followed = (log.clone(), tracked.clone(), waiting.clone());
        tasks.start("checkpoints of other servers", move |stop| {
            let (log, tracked, waiting) = followed.clone();
            stop.run_until_cancelled_owned(follow(log, tracked, waiting.subscribe()))
        });
        Self(Arc::new(Shared { log, tracked, board, waiting, stop, tasks }))
    }

    /// Waits until all read models show `position`, whichever server leads them, except those that [their readers wait
    /// for](Projection::is_awaited_by_readers). Returns `false` after `patience`. Returns `false` at once if one of them is
    /// stopped before that position, or far behind it.
    pub async fn wait_for(&self, position: Position, patience: Duration) -> bool {
        let _waiting = Waiting::new(&self.0.waiting);
        matches!(timeout(patience, self.0.board.reach(position)).await, Ok(Ok(())))
    }

    /// Waits until one read model shows all that the log holds now, for a request that is about to read it. Returns `false`
    /// as [`wait_for`](Self::wait_for) does, and if there is no read model of this name.
    pub async fn catch_up(&self, name: &str, patience: Duration) -> bool {
        let Some(tracked) = self.0.tracked.iter().find(|tracked| tracked.name() == name) else { return false };
        let _waiting = Waiting::new(&self.0.waiting);
        let caught_up = async {
            let head = self.0.log.head().await.map_err(|_| ())?;
            self.0.log.announce(head);
            tracked.reach(head).await
        };
        matches!(timeout(patience, caught_up).await, Ok(Ok(())))
    }

    /// How far each has come.
    pub fn status(&self) -> Vec<ProjectionStatus> {
        let head = *self.0.log.watch().borrow();
        self.0.tracked.iter().map(|tracked| tracked.status(head)).collect()
    }

    /// The health of the tasks that run them. If an event stops a projection, its task still runs.
    pub fn tasks(&self) -> Vec<TaskHealth> {
        self.0.tasks.health()
    }

    /// Stops after the batches that are being applied; returns when the last has ended.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.ended().await;
    }
}

/// Counts one waiting request, as long as it lives. A request may be cancelled at any moment.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|count| *count += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Polls the log's head, which is the truth behind all hints that the log has grown. If a hint came since the last poll, the
/// poll is left out.
async fn poll_head(log: EventLog, tracked: Vec<Tracked>) {
    let mut ticks = interval(HEAD_POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut head = log.watch();
    loop {
        ticks.tick().await;
        if !head.has_changed().unwrap_or(false) {
            match log.head().await {
                Ok(head) => log.announce(head),
                Err(error) => tracing::debug!(%error, "the log's head cannot be read"),
            }
        }
        let head = *head.borrow_and_update();
        for tracked in &tracked {
            tracked.status(head);
        }
    }
}

/// Polls the checkpoints of projections that other servers lead: often while a request waits for them.
async fn follow(log: EventLog, tracked: Vec<Tracked>, mut waiting: watch::Receiver<usize>) {
    let mut delay = CHECKPOINT_POLL_INTERVALS.0;
    loop {
        let led_elsewhere = tracked.iter().any(|tracked| !tracked.now().led_here);
        let news = if led_elsewhere { look_at_checkpoints(&log, &tracked).await } else { Ok(false) };
        match news {
            Ok(true) => delay = CHECKPOINT_POLL_INTERVALS.0,
            Ok(false) => delay = (delay * 2).min(CHECKPOINT_POLL_INTERVALS.1),
            Err(error) => {
                tracing::debug!(%error, "the checkpoints cannot be read");
                delay = CHECKPOINT_POLL_INTERVALS.1;
            }
        }
        if *waiting.borrow_and_update() > 0 {
            sleep(delay).await;
        } else {
            // A request that begins to wait ends the pause.
            let _ = timeout(IDLE_CHECKPOINT_POLL_INTERVAL, waiting.wait_for(|count| *count > 0)).await;
            delay = CHECKPOINT_POLL_INTERVALS.0;
        }
    }
}

async fn look_at_checkpoints(log: &EventLog, tracked: &[Tracked]) -> Result<bool, ProjectionError> {
    let client = log.database().get().await?;
    let statement = client.prepare_cached(include_str!("../sql/checkpoints.sql")).await?;
    let mut news = false;
    for row in client.query(&statement, &[]).await? {
        let name: &str = row.try_get("projection")?;
        let Some(tracked) = tracked.iter().find(|tracked| tracked.name() == name) else { continue };
        let position = Position::from_sql(row.try_get("position")?);
        let (found, ours) = (row.try_get::<_, i64>("version")?, i64::from(tracked.projection.version()));
        let state = if found > ours {
            // A newer release's rows are not for this server to show.
            ProjectionState::Stopped { position, reason: "the read model is a newer release's".to_owned() }
        } else if found < ours {
            ProjectionState::Rebuilding
        } else {
            match row.try_get::<_, Option<i64>>("stopped_position")? {
                Some(at) => ProjectionState::Stopped {
                    position: Position::from_sql(at),
                    reason: row.try_get::<_, Option<String>>("stopped_reason")?.unwrap_or_default(),
                },
                None => ProjectionState::Following,
            }
        };
        news |= tracked.follow_to(position, state);
    }
    Ok(news)
}
