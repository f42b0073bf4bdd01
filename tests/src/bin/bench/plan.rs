//! How long a run may take, and how much of everything it does.

use std::time::{Duration, Instant};

/// The extent of a run.
pub struct Plan {
    started: Instant,
    /// After this nothing new begins.
    total: Duration,
    /// How long each rate is measured.
    pub span: Duration,
    /// How often rates are measured that the design speaks of, one after the other and again.
    pub rounds: usize,
    /// Patients of the large practice.
    pub patients: u64,
    /// How long each operation is repeated to find what it costs.
    pub costing: Duration,
    /// How long registering them may take.
    pub filling: Duration,
    /// How long one read model may take to be filled.
    pub replaying: Duration,
    /// How long each kind of page is asked for, each time.
    pub paging: Duration,
    /// How long each number of sockets is watched.
    pub watching: Duration,
    /// How long logins are refused, one after the other.
    pub refusing: Duration,
    /// How long a storm of logins is watched.
    pub storming: Duration,
    /// Rows of the old trail of accesses; none for no such trail.
    pub traces: u64,
    /// How long making it may take.
    pub tracing: Duration,
}

impl Plan {
    /// Eleven minutes.
    pub fn whole() -> Self {
        Self {
            started: Instant::now(),
            total: Duration::from_secs(640),
            span: Duration::from_secs(2),
            rounds: 3,
            patients: 1_000_000,
            costing: Duration::from_secs(3),
            filling: Duration::from_secs(150),
            replaying: Duration::from_secs(160),
            paging: Duration::from_secs(2),
            watching: Duration::from_secs(8),
            refusing: Duration::from_secs(20),
            storming: Duration::from_secs(8),
            traces: 2_000_000,
            tracing: Duration::from_secs(30),
        }
    }

    /// The trail of accesses alone, at the size that it has after years.
    pub fn trail() -> Self {
        Self { traces: 10_000_000, tracing: Duration::from_secs(120), ..Self::whole() }
    }

    /// Two minutes and a half.
    pub fn quick() -> Self {
        Self {
            started: Instant::now(),
            total: Duration::from_secs(146),
            span: Duration::from_secs(1),
            rounds: 2,
            patients: 100_000,
            costing: Duration::from_millis(1200),
            filling: Duration::from_secs(20),
            replaying: Duration::from_secs(25),
            paging: Duration::from_millis(400),
            watching: Duration::from_millis(1200),
            refusing: Duration::from_secs(4),
            storming: Duration::from_secs(3),
            traces: 0,
            tracing: Duration::ZERO,
        }
    }

    /// What is left for `wanted`; nothing once the time is up.
    pub fn allow(&self, wanted: Duration) -> Duration {
        wanted.min(self.total.saturating_sub(self.started.elapsed()))
    }

    /// Whether there is time for something that takes so long.
    pub fn has(&self, time: Duration) -> bool {
        self.allow(time) == time
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
