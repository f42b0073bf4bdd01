//! How far a read model has come, as this server knows it: by leading it, or by looking at its checkpoint.

use std::sync::Arc;

use domain::ids::Position;
use metrics::gauge;
use tokio::sync::watch;

use crate::projection::Projection;

/// What this server does for a read model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectionState {
    /// It has no connection to the database yet, or lost it, and tries again.
    Connecting,
    /// It applies events.
    Leading,
    /// Another server applies events.
    Following,
    /// Its tables are another release's. They go on being filled and read as they are until those of this release, which
    /// are filled beside them, take their place.
    Rebuilding,
    /// An event cannot be applied, here or on the server that leads. It is tried again every few seconds, never skipped.
    Stopped {
        /// The event's place in the log.
        position: Position,
        /// Why, without content.
        reason: String,
    },
}

/// A read model and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The last position it shows.
    pub position: Position,
    /// How many events it is behind the log.
    pub lag: u64,
    /// What this server does for it.
    pub state: ProjectionState,
}

#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) position: Position,
    pub(crate) state: ProjectionState,
    /// Whether this server leads, even if an event stops it.
    pub(crate) led_here: bool,
}

/// A read model that is further behind than this is being filled. Nobody waits for that.
const LONGEST_AWAITED_LAG: u64 = 20_000;

impl Progress {
    fn is_hopeless(&self, position: Position) -> bool {
        match self.state {
            ProjectionState::Stopped { .. } | ProjectionState::Rebuilding => true,
            ProjectionState::Leading | ProjectionState::Following => {
                position.get().saturating_sub(self.position.get()) > LONGEST_AWAITED_LAG
            }
            // Its position is not known yet.
            ProjectionState::Connecting => false,
        }
    }
}

/// How far all read models of a server have come. Whoever wrote waits for all of them but those that their readers wait for,
/// and is woken when the slowest has moved: not by each of the others.
pub(crate) struct Board {
    all: watch::Sender<Vec<Progress>>,
    /// Which of them writers wait for.
    for_writers: Vec<bool>,
}

impl Board {
    /// Of read models of which nothing is known yet.
    fn new(for_writers: Vec<bool>) -> Self {
        let unknown = Progress { position: Position::ZERO, state: ProjectionState::Connecting, led_here: false };
        Self { all: watch::Sender::new(vec![unknown; for_writers.len()]), for_writers }
    }

    /// Waits until all that writers wait for show `position`. `Err` as soon as it is known that one of them will not for long.
    pub(crate) async fn reach(&self, position: Position) -> Result<(), ()> {
        self.reach_where(position, |place| self.for_writers[place]).await
    }

    async fn reach_where(&self, position: Position, awaited: impl Fn(usize) -> bool) -> Result<(), ()> {
        let lacking = |all: &[Progress], hopeless: bool| {
            all.iter().enumerate().any(|(place, progress)| {
                awaited(place) && progress.position < position && (!hopeless || progress.is_hopeless(position))
            })
        };
        let mut board = self.all.subscribe();
        let decided = board.wait_for(|all| !lacking(all, false) || lacking(all, true));
        match decided.await {
            Ok(all) if !lacking(&all, false) => Ok(()),
            Ok(_) | Err(_) => Err(()),
        }
    }

    /// Changes the progress of one; tells whether its state is another one.
    fn change(&self, place: usize, change: impl FnOnce(&mut Progress)) -> bool {
        let mut other_state = false;
        self.all.send_if_modified(|all| {
            let slowest = |all: &[Progress]| {
                let awaited = all.iter().zip(&self.for_writers).filter(|(_, awaited)| **awaited);
                awaited.map(|(progress, _)| progress.position).min()
            };
            let (before, slowest_before) = (all[place].state.clone(), slowest(all));
            change(&mut all[place]);
            other_state = all[place].state != before;
            other_state || !self.for_writers[place] || slowest(all) != slowest_before
        });
        other_state
    }
}

/// A projection that this server runs, and its progress.
#[derive(Clone)]
pub(crate) struct Tracked {
    pub(crate) projection: Arc<dyn Projection>,
    board: Arc<Board>,
    /// Its place on the board.
    place: usize,
}

impl Tracked {
    /// All of them, on one board.
    pub(crate) fn all(projections: Vec<Arc<dyn Projection>>) -> (Vec<Self>, Arc<Board>) {
        let for_writers = projections.iter().map(|projection| !projection.is_awaited_by_readers()).collect();
        let board = Arc::new(Board::new(for_writers));
        let tracked = projections.into_iter().enumerate();
        let tracked = tracked.map(|(place, projection)| Self { projection, board: Arc::clone(&board), place });
        (tracked.collect(), board)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) fn now(&self) -> Progress {
        self.board.all.borrow()[self.place].clone()
    }

    /// Waits until this one shows `position`. `Err` as soon as it is known that it will not for long.
    pub(crate) async fn reach(&self, position: Position) -> Result<(), ()> {
        self.board.reach_where(position, |place| place == self.place).await
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        if self.board.change(self.place, change) {
            self.measure_stop();
        }
    }

    /// This server leads and has come to `position`.
    pub(crate) fn lead_to(&self, position: Position) {
        self.change(|now| *now = Progress { position, state: ProjectionState::Leading, led_here: true });
    }

    /// This server leads, and is stopped by the event at `position`.
    pub(crate) fn halt_at(&self, position: Position, reason: String) {
        self.change(|now| now.state = ProjectionState::Stopped { position, reason });
    }

    /// This server does not lead, and has no connection. What the read model shows is not known until it has one again: the
    /// database that comes back may be a restored one.
    pub(crate) fn disconnect(&self) {
        let unknown = Progress { position: Position::ZERO, state: ProjectionState::Connecting, led_here: false };
        self.change(|now| *now = unknown);
    }

    /// This server fills new tables, beside those that are shown.
    pub(crate) fn rebuild_here(&self) {
        self.change(|now| {
            now.led_here = true;
            now.state = ProjectionState::Rebuilding;
        });
    }

    /// This server does not lead any more.
    pub(crate) fn resign(&self) {
        self.change(|now| now.led_here = false);
    }

    /// Takes note of what the checkpoint says; tells whether that is news. A leader knows better.
    pub(crate) fn follow_to(&self, position: Position, state: ProjectionState) -> bool {
        let mut news = false;
        self.change(|now| {
            news = !now.led_here && (now.position != position || now.state != state);
            if news {
                *now = Progress { position, state, led_here: false };
            }
        });
        news
    }

    /// Its status against the log's head, which is measured as well.
    pub(crate) fn status(&self, head: Position) -> ProjectionStatus {
        let Progress { position, state, .. } = self.now();
        let lag = head.get().saturating_sub(position.get());
        gauge!("projection_lag_events", "projection" => self.name()).set(lag as f64);
        ProjectionStatus { name: self.name(), position, lag, state }
    }

    fn measure_stop(&self) {
        let state = self.now().state;
        let measure = |name: &'static str, holds: bool| {
            gauge!(name, "projection" => self.name()).set(f64::from(u8::from(holds)));
        };
        measure("projection_stopped", matches!(state, ProjectionState::Stopped { .. }));
        measure("projection_rebuilding", state == ProjectionState::Rebuilding);
    }
}
