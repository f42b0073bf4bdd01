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
const HOPELESS_LAG: u64 = 20_000;

impl Progress {
    fn is_hopeless(&self, position: Position) -> bool {
        match self.state {
            ProjectionState::Stopped { .. } | ProjectionState::Rebuilding => true,
            ProjectionState::Leading | ProjectionState::Following => {
                position.get().saturating_sub(self.position.get()) > HOPELESS_LAG
            }
            // Its position is not known yet.
            ProjectionState::Connecting => false,
        }
    }
}

/// How far all read models of a server have come. Whoever waits for a position waits for all of them, and is woken when the
/// slowest has moved: not by each of the others.
pub(crate) struct Board(watch::Sender<Vec<Progress>>);

impl Board {
    /// Of so many read models, of which nothing is known yet.
    fn new(projections: usize) -> Self {
        let unknown = Progress { position: Position::ZERO, state: ProjectionState::Connecting, led_here: false };
        Self(watch::Sender::new(vec![unknown; projections]))
    }

    /// Waits until all show `position`. `Err` as soon as it is known that one of them will not for long.
    pub(crate) async fn reach(&self, position: Position) -> Result<(), ()> {
        let lacks = |progress: &Progress| progress.position < position;
        let mut board = self.0.subscribe();
        let decided = board.wait_for(|all| {
            !all.iter().any(lacks) || all.iter().any(|progress| lacks(progress) && progress.is_hopeless(position))
        });
        match decided.await {
            Ok(all) if !all.iter().any(lacks) => Ok(()),
            Ok(_) | Err(_) => Err(()),
        }
    }

    /// Changes the progress of one; tells whether its state is another one.
    fn change(&self, place: usize, change: impl FnOnce(&mut Progress)) -> bool {
        let mut other_state = false;
        self.0.send_if_modified(|all| {
            let slowest = |all: &[Progress]| all.iter().map(|progress| progress.position).min();
            let (before, slowest_before) = (all[place].state.clone(), slowest(all));
            change(&mut all[place]);
            other_state = all[place].state != before;
            other_state || slowest(all) != slowest_before
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
        let board = Arc::new(Board::new(projections.len()));
        let tracked = projections.into_iter().enumerate();
        let tracked = tracked.map(|(place, projection)| Self { projection, board: Arc::clone(&board), place });
        (tracked.collect(), board)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) fn now(&self) -> Progress {
        self.board.0.borrow()[self.place].clone()
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
