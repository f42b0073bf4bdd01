//! One projection's runner: campaign for the leadership, then read, apply and move the checkpoint, batch by batch.
//!
//! On all servers together one runner leads. It holds a session's advisory lock, so PostgreSQL itself ends the leadership
//! when the server dies. A leader that only froze, and wakes up when another has taken over, is stopped by the
//! checkpoint: it moves from where the batch began or not at all.

use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Object};
use domain::event::RecordedEvent;
use domain::ids::Position;
use event_store_schema::{DatabaseError, EventLog};
use metrics::histogram;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::install::LIVE_SCHEMA;
use crate::progress::{ProjectionState, Tracked};
use crate::projection::ProjectionError;

/// How many events are read and applied at once. More gains nothing; fewer cost round trips during a rebuild.
const BATCH: u32 = 1000;

/// How long a batch may take before its connection is given up.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a server that does not lead tries to.
const CAMPAIGN: Duration = Duration::from_secs(1);

/// How often an event that cannot be applied is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How long an idle leader may be silent; well under `idle_session_timeout` in `lead.sql`.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long to wait for a database that is away: doubled from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The first half of the advisory locks' keys: 'MPpr' in ASCII. The second is the projection's name, hashed.
const LEADERSHIP: i32 = 0x4d50_7072;

#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) tracked: Tracked,
    pub(crate) log: EventLog,
    pub(crate) stop: watch::Receiver<bool>,
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

impl Runner {
    /// Runs until told to stop; a panic of a projection's code halts it like an event that cannot be applied.
    pub(crate) async fn keep_running(mut self) {
        while let Err(error) = tokio::spawn(self.clone().run()).await {
            let position = self.tracked.now().position.next();
            tracing::error!(projection = self.name(), %position, panicked = error.is_panic(), "a projection's task ended");
            self.tracked.halt_at(position, "its code panicked".to_owned());
            self.pause(RETRY).await;
        }
    }

    /// Runs until told to stop; then ends between two batches.
    async fn run(mut self) {
        let mut backoff = BACKOFF.0;
        while !*self.stop.borrow() {
            let began = Instant::now();
            let pause = match self.campaign().await {
                Ok(Some(connection)) => match self.lead(connection).await {
                    LeadershipEnd::Asked => return,
                    LeadershipEnd::Fenced => {
                        self.tracked.resign();
                        CAMPAIGN
                    }
                    LeadershipEnd::Lost(error) => {
                        tracing::warn!(projection = self.name(), %error, "lost the leadership of a projection");
                        self.tracked.disconnect();
                        backoff = if began.elapsed() > BACKOFF.1 { BACKOFF.0 } else { (backoff * 2).min(BACKOFF.1) };
                        backoff
                    }
                },
                Ok(None) => {
                    backoff = BACKOFF.0;
                    CAMPAIGN
                }
                Err(error) => {
                    tracing::debug!(projection = self.name(), %error, "cannot campaign for a projection");
                    self.tracked.disconnect();
                    backoff = (backoff * 2).min(BACKOFF.1);
                    backoff
                }
            };
            self.pause(pause).await;
        }
    }

    fn name(&self) -> &'static str {
        self.tracked.name()
    }

    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            _ = self.stop.changed() => {}
        }
    }

    /// A connection of its own that holds the leadership, unless another server has it.
    async fn campaign(&self) -> Result<Option<ClientWrapper>, DatabaseError> {
        let client = self.log.database().get().await?;
        let lock = "SELECT pg_try_advisory_lock($1, hashtext($2))";
        let won: bool = client.query_one(lock, &[&LEADERSHIP, &self.name()]).await?.try_get(0)?;
        if !won {
            return Ok(None);
        }
        // The lock is the session's: the connection must never go back to the pool.
        let connection = Object::take(client);
        connection.batch_execute(include_str!("../sql/lead.sql")).await?;
        Ok(Some(connection))
    }

    /// Applies events until the leadership ends.
    async fn lead(&mut self, mut connection: ClientWrapper) -> LeadershipEnd {
        let mut position = match self.checkpoint(&connection).await {
            Ok(Some(position)) => position,
            // The tables belong to another release, which will be led by a server of that release.
            Ok(None) => return LeadershipEnd::Fenced,
            Err(error) => return LeadershipEnd::Lost(error),
        };
        tracing::info!(projection = self.name(), %position, "leading a projection");
        self.tracked.lead_to(position);
        let mut head = self.log.watch();
        let mut limit = BATCH;
        loop {
            if *self.stop.borrow() {
                return LeadershipEnd::Asked;
            }
            if *head.borrow_and_update() <= position {
                tokio::select! {
                    // The sender lives as long as the log that this runner holds.
                    _ = head.changed() => {}
                    _ = self.stop.changed() => {}
                    () = sleep(HEARTBEAT) => if let Err(error) = connection.simple_query("").await {
                        return LeadershipEnd::Lost(error.into());
                    }
                }
                continue;
            }
            let outcome = timeout(BATCH_TIMEOUT, self.batch(&mut connection, position, limit)).await;
            match outcome.unwrap_or_else(|_| Err(ProjectionError::TooSlow.into())) {
                Ok(reached) => {
                    position = reached;
                    limit = (limit * 2).min(BATCH);
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
                    self.halt(&connection, position.next(), &error, event_type).await;
                    self.pause(RETRY).await;
                }
            }
        }
    }

    /// Where the read model stands, if it is of this release's version.
    async fn checkpoint(&self, connection: &ClientWrapper) -> Result<Option<Position>, ProjectionError> {
        let find = "SELECT position FROM read_model.checkpoints WHERE projection = $1 AND version = $2::bigint";
        let version = i64::from(self.tracked.projection.version());
        let row = connection.query_opt(find, &[&self.name(), &version]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(Position::from_sql))
    }

    /// Applies at most `limit` events after `position` and moves the checkpoint, in one transaction. Where it stands then.
    async fn batch(
        &self,
        connection: &mut ClientWrapper,
        position: Position,
        limit: u32,
    ) -> Result<Position, BatchFailure> {
        let projection = &self.tracked.projection;
        let started = Instant::now();
        let events = self.log.read_forward(position, limit).await?;
        let Some(reached) = events.last().map(|event| event.position) else { return Ok(position) };
        let taken: Vec<RecordedEvent> =
            events.into_iter().filter(|event| projection.takes(&event.event_type)).collect();

        let tx = connection.transaction().await?;
        // A crash may lose the last batches, but never a part of one: read model and checkpoint are one transaction, and
        // the log still has the events. So nobody needs to wait for the disk here.
        tx.batch_execute(&format!(
            "SET LOCAL ROLE medicalpro_projector; SET LOCAL search_path = {LIVE_SCHEMA}, public;
             SET LOCAL synchronous_commit = off"
        ))
        .await?;
        // First, so that a leader that was replaced finds out before it has done anything.
        let checkpoint = tx.prepare_cached(include_str!("../sql/move_checkpoint.sql")).await?;
        let version = i64::from(projection.version());
        let moved = tx.execute(&checkpoint, &[&self.name(), &version, &position.to_sql(), &reached.to_sql()]).await?;
        if moved == 0 {
            return Err(BatchFailure::Fenced);
        }
        if let Some(first) = taken.first() {
            let event_type = (taken.len() == 1).then(|| first.event_type.clone());
            projection.apply(&taken, &tx).await.map_err(|error| BatchFailure::Failed { error, event_type })?;
        }
        tx.commit().await?;
        histogram!("projection_batch_events", "projection" => self.name()).record(taken.len() as f64);
        histogram!("projection_apply_seconds", "projection" => self.name()).record(started.elapsed());
        Ok(reached)
    }

    /// Raises the alarm, on this server and, by the checkpoint's row, on the others.
    async fn halt(
        &self,
        connection: &ClientWrapper,
        position: Position,
        error: &ProjectionError,
        event_type: Option<String>,
    ) {
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
        let mark = "UPDATE read_model.checkpoints SET stopped_position = $2, stopped_reason = $3 WHERE projection = $1";
        let marked = async {
            connection.batch_execute("SET ROLE medicalpro_projector").await?;
            connection.execute(mark, &[&self.name(), &position.to_sql(), &error.to_string()]).await?;
            connection.batch_execute("RESET ROLE").await
        };
        if let Err(error) = marked.await {
            tracing::debug!(projection = self.name(), error = %DatabaseError::from(error), "the stop is not recorded");
        }
    }
}
