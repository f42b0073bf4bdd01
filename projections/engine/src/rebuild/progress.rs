//! How far a rebuild has come, for whoever waits for it.

use std::time::Duration;

use domain::ids::Position;

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Of which projection.
    pub projection: &'static str,
    /// Up to where the log is applied.
    pub position: Position,
    /// The position to reach, as known now.
    pub head: Position,
    /// How long it has taken until now.
    pub elapsed: Duration,
}

impl Progress {
    /// Over the whole time.
    pub fn events_per_second(&self) -> f64 {
        self.position.get() as f64 / self.elapsed.as_secs_f64().max(0.001)
    }

    /// How much of the log is applied.
    pub fn percent(&self) -> f64 {
        if self.head.get() == 0 { 100.0 } else { 100.0 * self.position.get() as f64 / self.head.get() as f64 }
    }
}
