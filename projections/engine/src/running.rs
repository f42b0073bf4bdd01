//! [`Projections`]: all read models that a server runs, and whoever waits for them.

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

/// How often the log is asked for its head when nothing else told of it.
const PULSE: Duration = Duration::from_millis(200);

/// How often the checkpoints of projections that others lead are looked at: while somebody waits, doubled from the first
/// to the second; and while nobody does.
const FOLLOW: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));
const FOLLOW_IDLE: Duration = Duration::from_secs(1);

/// The running read models of one server. Cheap to clone; runs until [`stop`](Self::stop).
#[derive(Clone)]
pub struct Projections(Arc<Shared>);

struct Shared {
    log: EventLog,
    tracked: Vec<Tracked>,
    board: Arc<Board>,
    /// How many wait at this moment.
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

    /// The same, and rebuilds those whose tables are an older release's. That takes the owner of the database, for tables
    /// are made and dropped.
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
        // The others have no safe point to end at.
        let database = log.database().clone();
        tasks.start("idle checkpoints", move |stop| {
            let (idle, database) = (Arc::clone(&idle), database.clone());
            stop.run_until_cancelled_owned(async move { idle.keep(database).await })
        });
        let measured = (log.clone(), tracked.clone());
        tasks.start("pulse of the log", move |stop| {
            let (log, tracked) = measured.clone();
            stop.run_until_cancelled_owned(feel_pulse(log, tracked))
        });
        let followed = (log.clone(), tracked.clone(), waiting.clone());
        tasks.start("checkpoints of other servers", move |stop| {
            let (log, tracked, waiting) = followed.clone();
            stop.run_until_cancelled_owned(follow(log, tracked, waiting.subscribe()))
        });
        Self(Arc::new(Shared { log, tracked, board, waiting, stop, tasks }))
    }

    /// Waits until all read models show `position`, on whichever server they are led, but those that
    /// [their readers wait for](Projection::is_awaited_by_readers). `false` if they do not within `patience`, and at once if one
    /// of them is stopped before that position or far behind it.
    pub async fn wait_for(&self, position: Position, patience: Duration) -> bool {
        let _waiting = Waiting::new(&self.0.waiting);
        matches!(timeout(patience, self.0.board.reach(position)).await, Ok(Ok(())))
    }

    /// Waits until one read model shows all that the log holds at this moment, for whoever is about to read it. `false` as
    /// [`wait_for`](Self::wait_for), and if there is no read model of this name.
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

    /// How the tasks are doing that run them. A projection that is stopped by an event is a task that runs.
    pub fn tasks(&self) -> Vec<TaskHealth> {
        self.0.tasks.health()
    }

    /// Stops after the batches that are being applied; returns when the last has ended.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.ended().await;
    }
}

/// Somebody who waits, for as long as this lives: a wait may be cancelled at any moment.
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

/// The truth behind all hints that the log has grown. Asks for the head only if there was none since the last look.
async fn feel_pulse(log: EventLog, tracked: Vec<Tracked>) {
    let mut ticks = interval(PULSE);
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

/// Looks at the checkpoints of projections that other servers lead: often while somebody waits for them.
async fn follow(log: EventLog, tracked: Vec<Tracked>, mut waiting: watch::Receiver<usize>) {
    let mut delay = FOLLOW.0;
    loop {
        let led_elsewhere = tracked.iter().any(|tracked| !tracked.now().led_here);
        let news = if led_elsewhere { look_at_checkpoints(&log, &tracked).await } else { Ok(false) };
        match news {
            Ok(true) => delay = FOLLOW.0,
            Ok(false) => delay = (delay * 2).min(FOLLOW.1),
            Err(error) => {
                tracing::debug!(%error, "the checkpoints cannot be read");
                delay = FOLLOW.1;
            }
        }
        if *waiting.borrow_and_update() > 0 {
            sleep(delay).await;
        } else {
            // Somebody who begins to wait ends the pause.
            let _ = timeout(FOLLOW_IDLE, waiting.wait_for(|count| *count > 0)).await;
            delay = FOLLOW.0;
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
            // What it shows is not what this release writes. It is for newer servers to show it.
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
