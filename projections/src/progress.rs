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

/// A projection that this server runs, and its progress.
#[derive(Clone)]
pub(crate) struct Tracked {
    pub(crate) projection: Arc<dyn Projection>,
    progress: Arc<watch::Sender<Progress>>,
}

impl Tracked {
    pub(crate) fn new(projection: Arc<dyn Projection>) -> Self {
        let progress = Progress { position: Position::ZERO, state: ProjectionState::Connecting, led_here: false };
        Self { projection, progress: Arc::new(watch::Sender::new(progress)) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) fn now(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// This server leads and has come to `position`.
    pub(crate) fn lead_to(&self, position: Position) {
        self.progress.send_replace(Progress { position, state: ProjectionState::Leading, led_here: true });
        self.measure_stop();
    }

    /// This server leads, and is stopped by the event at `position`.
    pub(crate) fn halt_at(&self, position: Position, reason: String) {
        self.progress.send_modify(|progress| progress.state = ProjectionState::Stopped { position, reason });
        self.measure_stop();
    }

    /// This server does not lead, and has no connection. What the read model shows is not known until it has one again: the
    /// database that comes back may be a restored one.
    pub(crate) fn disconnect(&self) {
        let unknown = Progress { position: Position::ZERO, state: ProjectionState::Connecting, led_here: false };
        self.progress.send_replace(unknown);
        self.measure_stop();
    }

    /// This server fills new tables, beside those that are shown.
    pub(crate) fn rebuild_here(&self) {
        self.progress.send_modify(|progress| {
            progress.led_here = true;
            progress.state = ProjectionState::Rebuilding;
        });
        self.measure_stop();
    }

    /// This server does not lead any more.
    pub(crate) fn resign(&self) {
        self.progress.send_modify(|progress| progress.led_here = false);
    }

    /// Takes note of what the checkpoint says; tells whether that is news. A leader knows better.
    pub(crate) fn follow_to(&self, position: Position, state: ProjectionState) -> bool {
        let news = self.progress.send_if_modified(|progress| {
            if progress.led_here || (progress.position == position && progress.state == state) {
                return false;
            }
            *progress = Progress { position, state, led_here: false };
            true
        });
        if news {
            self.measure_stop();
        }
        news
    }

    /// Waits until the read model shows `position`. `Err` as soon as it is known that it will not for long.
    pub(crate) async fn reach(&self, position: Position) -> Result<(), ()> {
        let mut progress = self.progress.subscribe();
        let decided = progress.wait_for(|now| now.position >= position || now.is_hopeless(position)).await;
        match decided {
            Ok(now) if now.position >= position => Ok(()),
            Ok(_) | Err(_) => Err(()),
        }
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
