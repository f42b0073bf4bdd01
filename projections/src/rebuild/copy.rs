//! The copy: the tables of a projection in a schema of their own, filled from the log.

use std::mem::take;
use std::time::Instant;

use deadpool_postgres::{ClientWrapper, Transaction};
use domain::event::RecordedEvent;
use domain::ids::Position;
use event_store_schema::{EventLog, LogError};
use futures_util::future::join;
use tokio_postgres::{Config, NoTls};

use super::{Progress, RebuildError};
use crate::install::create_tables;
use crate::projection::{Projection, ProjectionError};

/// How many events are read and applied at once. The next are read while these are applied.
const BATCH: u32 = 5_000;

/// The first half of the advisory locks' keys: 'MPrb' in ASCII. The second is the projection's name, hashed.
const REBUILD: i32 = 0x4d50_7262;

/// The session that keeps other rebuilds of the projection away, for as long as it lives.
pub(super) struct Keeper {
    pub(super) session: ClientWrapper,
    name: &'static str,
}

/// The live read model, as its checkpoint has it.
pub(super) struct Live {
    pub(super) version: i64,
    pub(super) position: Position,
}

impl Keeper {
    pub(super) async fn take(owner: &Config, projection: &dyn Projection) -> Result<Self, RebuildError> {
        let (session, name) = (connect(owner).await?, projection.name());
        let lock = "SELECT pg_try_advisory_lock($1, hashtext($2))";
        if !session.query_one(lock, &[&REBUILD, &name]).await?.try_get::<_, bool>(0)? {
            return Err(RebuildError::AlreadyRunning);
        }
        Ok(Self { session, name })
    }

    pub(super) async fn live(&self) -> Result<Live, RebuildError> {
        let find = "SELECT version::bigint, position FROM read_model.checkpoints WHERE projection = $1";
        let row = self.session.query_opt(find, &[&self.name]).await?.ok_or(RebuildError::NotInstalled)?;
        Ok(Live { version: row.try_get(0)?, position: Position::from_sql(row.try_get(1)?) })
    }
}

/// The copy and how far it is filled.
pub(super) struct Copy<'a> {
    log: &'a EventLog,
    pub(super) projection: &'a dyn Projection,
    /// Not the keeper's, so that what is filled in is committed while the keeper's transaction is open.
    pub(super) session: ClientWrapper,
    pub(super) schema: String,
    position: Position,
    started: Instant,
}

impl<'a> Copy<'a> {
    /// Empty tables, in place of those that a killed rebuild may have left.
    pub(super) async fn begin(
        log: &'a EventLog,
        owner: &Config,
        projection: &'a dyn Projection,
    ) -> Result<Self, RebuildError> {
        let mut session = connect(owner).await?;
        let schema = format!("rebuild_{}", projection.name());
        let tx = session.transaction().await?;
        tx.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).await?;
        create_tables(&tx, &schema, projection).await?;
        tx.commit().await?;
        Ok(Self { log, projection, session, schema, position: Position::ZERO, started: Instant::now() })
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Applies what lies between its position and `until`.
    pub(super) async fn fill(
        &mut self,
        until: Position,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        let mut ahead = read(self.log, self.position, until).await?;
        while let Some(last) = ahead.last().map(|event| event.position) {
            let events = take(&mut ahead);
            let apply = apply_committed(&mut self.session, &self.schema, self.projection, events);
            let (applied, next) = join(apply, read(self.log, last, until)).await;
            applied.map_err(|source| RebuildError::Apply { after: self.position, until: last, source })?;
            self.position = last;
            progress(self.progress(last, until));
            ahead = next?;
        }
        Ok(())
    }

    /// Applies in an open transaction what lies between its position and `until`, and leaves its position as it is.
    pub(super) async fn fill_within(
        &self,
        tx: &Transaction<'_>,
        until: Position,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        let mut position = self.position;
        loop {
            let events = read(self.log, position, until).await?;
            let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
            let applied = apply(tx, &self.schema, self.projection, events).await;
            applied.map_err(|source| RebuildError::Apply { after: position, until: last, source })?;
            position = last;
            progress(self.progress(last, until));
        }
    }

    fn progress(&self, position: Position, head: Position) -> Progress {
        Progress { projection: self.projection.name(), position, head, elapsed: self.started.elapsed() }
    }

    /// Gives the planner what it knows of tables that were there for long: a swap must not make queries slow.
    pub(super) async fn tidy(&self) -> Result<(), RebuildError> {
        for table in self.projection.tables() {
            self.session.batch_execute(&format!("VACUUM (ANALYZE) {}.{table}", self.schema)).await?;
        }
        Ok(())
    }

    pub(super) async fn discard(&self) -> Result<(), RebuildError> {
        Ok(self.session.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema)).await?)
    }

    /// Discards it because of an error, which comes back. If the database is away, the next rebuild discards it.
    pub(super) async fn discarded_for(self, error: RebuildError) -> RebuildError {
        if let Err(remains) = self.discard().await {
            tracing::debug!(projection = self.projection.name(), error = %remains, "the copy remains");
        }
        error
    }
}

async fn connect(owner: &Config) -> Result<ClientWrapper, RebuildError> {
    let (client, connection) = owner.connect(NoTls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of a rebuild ended");
        }
    });
    Ok(ClientWrapper::new(client, driver))
}

/// At most a batch of the events after `position`, none of them after `until`.
async fn read(log: &EventLog, position: Position, until: Position) -> Result<Vec<RecordedEvent>, LogError> {
    let rest = until.get().saturating_sub(position.get());
    match u32::try_from(rest).unwrap_or(BATCH).min(BATCH) {
        0 => Ok(Vec::new()),
        limit => log.read_forward(position, limit).await,
    }
}

async fn apply_committed(
    session: &mut ClientWrapper,
    schema: &str,
    projection: &dyn Projection,
    events: Vec<RecordedEvent>,
) -> Result<(), ProjectionError> {
    let tx = session.transaction().await?;
    // Nothing needs the copy after a crash, and the swap's own commit waits for the disk, behind all of this.
    tx.batch_execute("SET LOCAL synchronous_commit = off").await?;
    apply(&tx, schema, projection, events).await?;
    Ok(tx.commit().await?)
}

async fn apply(
    tx: &Transaction<'_>,
    schema: &str,
    projection: &dyn Projection,
    mut events: Vec<RecordedEvent>,
) -> Result<(), ProjectionError> {
    events.retain(|event| projection.takes(&event.event_type));
    if events.is_empty() {
        return Ok(());
    }
    tx.batch_execute(&format!("SET LOCAL search_path = {schema}, public")).await?;
    projection.apply(&events, tx).await
}
