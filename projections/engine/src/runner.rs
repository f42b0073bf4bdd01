//! One projection's runner campaigns for the lead. Then it reads, applies and moves the checkpoint, batch by batch.
//!
//! Of all servers, one runner leads (see [`leadership`](crate::leadership)). Each batch moves the checkpoint in its own
//! transaction, from where the batch began and under the leader's epoch. If the tables are an older release's, the runner
//! first fills new ones beside them (see [`rebuild`](crate::rebuild)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Position;
use event_store_schema::EventLog;
use futures_util::future::join;
use metrics::histogram;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;

use crate::idle::{IdleCheckpoints, Passed};
use crate::leadership::{CAMPAIGN_INTERVAL, Campaign, LeadLost, Leadership, RENEW_INTERVAL, campaign};
use crate::progress::{ProjectionState, Tracked};
use crate::projection::ProjectionError;
use crate::rebuild::{RebuildError, rebuild};

/// How many events are read and applied at once. More gains nothing; fewer cost round trips during a rebuild.
const BATCH_EVENTS: u32 = 1000;

/// How long events are gathered into one batch, if readers wait for the read model and writers do not.
const GATHER_INTERVAL: Duration = Duration::from_millis(10);

/// How long a batch may take before its connection is given up.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How often an event that cannot be applied is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// How often a rebuild tells how far it has come.
const PROGRESS_LOG_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait for a database that is away: doubled from the first to the second.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

pub(crate) struct Runner {
    pub(crate) tracked: Tracked,
    pub(crate) log: EventLog,
    /// Shared by all runners of the server.
    pub(crate) idle: Arc<IdleCheckpoints>,
    /// The owner of the database, if this server may make tables.
    pub(crate) owner: Option<Config>,
    pub(crate) stop: CancellationToken,
}

/// Why a leader no longer leads.
enum LeadershipEnd {
    /// The server is to stop.
    Asked,
    /// Another server leads by now.
    Fenced,
    /// The database is away.
    Lost(ProjectionError),
}

impl From<LeadLost> for LeadershipEnd {
    fn from(lost: LeadLost) -> Self {
        match lost {
            LeadLost::Fenced => Self::Fenced,
            LeadLost::TooSlow => Self::Lost(ProjectionError::TooSlow),
            LeadLost::Database(error) => Self::Lost(error.into()),
        }
    }
}

/// Why a batch was not applied.
enum BatchFailure {
    Fenced,
    Failed { error: ProjectionError, event_type: Option<String> },
}

impl<E: Into<ProjectionError>> From<E> for BatchFailure {
    fn from(error: E) -> Self {
        Self::Failed { error: error.into(), event_type: None }
    }
}

/// Halts a projection whose code panics.
struct PanicAlarm(Tracked);

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt_at(self.0.now().position.next(), "its code panicked".to_owned());
        }
    }
}

impl Runner {
    /// Runs until told to stop, and ends between two batches. If the projection's code panics, the state says so until the
    /// task is started again.
    pub(crate) async fn run(self) {
        let _alarm = PanicAlarm(self.tracked.clone());
        let mut backoff = RETRY_PAUSES.0;
        while !self.stop.is_cancelled() {
            let began = Instant::now();
            let database = self.log.database();
            let pause = match campaign(database, self.name(), self.tracked.projection.version()).await {
                Ok(Campaign::Won(lead)) => match self.lead(lead).await {
                    LeadershipEnd::Asked => return,
                    LeadershipEnd::Fenced => {
                        self.tracked.resign();
                        // A rebuild that moved the checkpoint leaves the lead free.
                        if began.elapsed() > CAMPAIGN_INTERVAL { Duration::ZERO } else { CAMPAIGN_INTERVAL }
                    }
                    LeadershipEnd::Lost(error) => {
                        tracing::warn!(projection = self.name(), %error, "lost the leadership of a projection");
                        self.tracked.disconnect();
                        // The database was there a moment ago, and writers wait, so the first pause is the shortest.
                        backoff = RETRY_PAUSES.0;
                        backoff
                    }
                },
                Ok(Campaign::OtherVersion(found)) if found < i64::from(self.tracked.projection.version()) => {
                    self.rebuild().await
                }
                // A newer release's tables are led by its own servers.
                Ok(Campaign::Lost | Campaign::OtherVersion(_) | Campaign::Missing) => {
                    self.tracked.resign();
                    backoff = RETRY_PAUSES.0;
                    CAMPAIGN_INTERVAL
                }
                Err(error) => {
                    tracing::debug!(projection = self.name(), %error, "cannot campaign for a projection");
                    self.tracked.disconnect();
                    backoff = (backoff * 2).min(RETRY_PAUSES.1);
                    backoff
                }
            };
            self.pause(pause).await;
        }
    }

    /// Brings the tables to this release, unless another server does. Returns the pause before the next campaign.
    async fn rebuild(&self) -> Duration {
        let Some(owner) = self.owner.clone() else { return CAMPAIGN_INTERVAL };
        self.tracked.rebuild_here();
        let projection = self.tracked.projection.clone();
        let mut told = Instant::now();
        let rebuilt = rebuild(&self.log, &owner, projection.as_ref(), |progress| {
            if told.elapsed() > PROGRESS_LOG_INTERVAL {
                told = Instant::now();
                let (position, head) = (progress.position, progress.head);
                tracing::info!(projection = progress.projection, %position, %head, "rebuilding a read model");
            }
        });
        let outcome = tokio::select! {
            outcome = rebuilt => outcome,
            () = self.stop.cancelled() => return Duration::ZERO,
        };
        match outcome {
            Ok(_) => {
                self.tracked.resign();
                Duration::ZERO
            }
            Err(RebuildError::AlreadyRunning | RebuildError::Superseded) => {
                self.tracked.resign();
                CAMPAIGN_INTERVAL
            }
            Err(error) => {
                tracing::error!(projection = self.name(), %error, "a read model cannot be rebuilt; it is tried again");
                self.tracked.halt_at(self.tracked.now().position, format!("not rebuilt: {error}"));
                RETRY_INTERVAL
            }
        }
    }

    fn name(&self) -> &'static str {
        self.tracked.name()
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Waits, and renews the lease meanwhile.
    async fn rest(&self, lead: &Leadership, time: Duration) -> Result<(), LeadLost> {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.is_cancelled() {
            self.pause(RENEW_INTERVAL).await;
            lead.renew().await?;
        }
        Ok(())
    }

    /// Applies events until the leadership ends.
    async fn lead(&self, mut lead: Leadership) -> LeadershipEnd {
        let mut position = lead.start();
        let settings = include_str!("../sql/lead_projection.sql");
        if let Err(error) = lead.session().batch_execute(settings).await {
            return LeadershipEnd::Lost(error.into());
        }
        tracing::info!(projection = self.name(), %position, "leading a projection");
        self.tracked.lead_to(position);
        let mut head = self.log.watch();
        let mut limit = BATCH_EVENTS;
        loop {
            if self.stop.is_cancelled() {
                return LeadershipEnd::Asked;
            }
            if self.idle.is_fenced(self.name(), lead.epoch()) {
                return LeadershipEnd::Fenced;
            }
            if *head.borrow_and_update() <= position {
                tokio::select! {
                    // The sender lives as long as the log that this runner holds.
                    _ = head.changed() => {}
                    () = self.stop.cancelled() => {}
                    () = sleep(RENEW_INTERVAL) => if let Err(lost) = lead.renew().await {
                        return lost.into();
                    }
                }
                continue;
            }
            if self.tracked.projection.is_awaited_by_readers() {
                self.pause(GATHER_INTERVAL).await;
            }
            let outcome = timeout(BATCH_TIMEOUT, self.batch(&mut lead, position, limit)).await;
            match outcome.unwrap_or_else(|_| Err(ProjectionError::TooSlow.into())) {
                Ok(reached) => {
                    position = reached;
                    limit = (limit * 2).min(BATCH_EVENTS);
                    self.tracked.lead_to(position);
                }
                Err(BatchFailure::Fenced) => {
                    tracing::info!(projection = self.name(), "another server leads the projection");
                    return LeadershipEnd::Fenced;
                }
                Err(BatchFailure::Failed {
                    error: error @ (ProjectionError::Away(_) | ProjectionError::TooSlow),
                    ..
                }) => return LeadershipEnd::Lost(error),
                // Halving the batch isolates the event that fails; all before it are applied.
                Err(BatchFailure::Failed { .. }) if limit > 1 => limit /= 2,
                Err(BatchFailure::Failed { error, event_type }) => {
                    self.halt(&lead, position.next(), &error, event_type).await;
                    if let Err(lost) = self.rest(&lead, RETRY_INTERVAL).await {
                        return lost.into();
                    }
                }
            }
        }
    }

    /// Applies at most `limit` events after `position` and moves the checkpoint, in one transaction. Returns the new
    /// position.
    async fn batch(&self, lead: &mut Leadership, position: Position, limit: u32) -> Result<Position, BatchFailure> {
        let projection = &self.tracked.projection;
        let started = Instant::now();
        let (taken, reached) = self.log.read_taken(position, limit, |event_type| projection.takes(event_type)).await?;
        if reached == position {
            return Ok(position);
        }
        let (epoch, version) = (lead.epoch(), i64::from(projection.version()));
        let Some(first) = taken.first() else {
            self.idle.owe(self.name(), Passed { version, epoch, to: reached });
            return Ok(reached);
        };
        self.idle.settle(self.name());
        let (from, to) = (position.to_sql(), reached.to_sql());
        let session = lead.session();
        let checkpoint = session.prepare_cached(include_str!("../sql/move_checkpoint.sql")).await?;
        let name = self.name();
        let parameters: [&(dyn ToSql + Sync); 5] = [&name, &version, &epoch, &from, &to];
        let tx = session.transaction().await?;
        let event_type = (taken.len() == 1).then(|| first.event_type.clone());
        // Both are sent together and run in this order. The checkpoint comes first, so that nothing counts that a replaced
        // leader does.
        let (moved, applied) = join(tx.execute(&checkpoint, &parameters), projection.apply(&taken, &tx)).await;
        if moved? == 0 {
            return Err(BatchFailure::Fenced);
        }
        applied.map_err(|error| BatchFailure::Failed { error, event_type })?;
        tx.commit().await?;
        histogram!("projection_batch_size", "projection" => self.name()).record(taken.len() as f64);
        histogram!("projection_apply_seconds", "projection" => self.name()).record(started.elapsed());
        Ok(reached)
    }

    /// Raises the alarm on this server and, by the checkpoint's row, on the others.
    async fn halt(&self, lead: &Leadership, position: Position, error: &ProjectionError, event_type: Option<String>) {
        let state = ProjectionState::Stopped { position, reason: error.to_string() };
        if self.tracked.now().state == state {
            return;
        }
        let event_type = event_type.as_deref().unwrap_or("unreadable");
        tracing::error!(
            projection = self.name(),
            %position,
            event_type,
            %error,
            "a projection is stopped by an event it cannot apply; it is tried again every few seconds"
        );
        self.tracked.halt_at(position, error.to_string());
        let mark = include_str!("../sql/mark_stop.sql");
        let reason = error.to_string();
        if let Err(lost) = lead.write(mark, &[&self.name(), &lead.epoch(), &position.to_sql(), &reason]).await {
            tracing::debug!(projection = self.name(), ?lost, "the stop is not recorded");
        }
    }
}
