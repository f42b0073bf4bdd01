//! The copy: the tables of a projection in a schema of their own, filled from the log.

use std::time::Instant;

use deadpool_postgres::{ClientWrapper, Transaction};
use domain::event::RecordedEvent;
use domain::ids::Position;
use event_store_schema::{EventLog, LogError};
use futures_util::future::{join, try_join_all};
use tokio_postgres::Config;

use super::error::RebuildError;
use super::progress::Progress;
use crate::install::create_tables;
use crate::projection::{Projection, ProjectionError, Share};
use crate::session::owner_session;

/// How many events are read and applied at once. The next are read while these are applied.
const BATCH_EVENTS: u32 = 5_000;

/// The first half of the advisory locks' keys: 'MPrb' in ASCII. The second is the projection's name, hashed.
const REBUILD_LOCK: i32 = 0x4d50_7262;

/// The session that keeps other rebuilds of the projection away, for as long as it lives.
pub(super) struct RebuildLock {
    pub(super) session: ClientWrapper,
    name: &'static str,
}

/// The live read model, as its checkpoint has it.
pub(super) struct Live {
    pub(super) version: i64,
    pub(super) position: Position,
}

impl RebuildLock {
    pub(super) async fn take(owner: &Config, projection: &dyn Projection) -> Result<Self, RebuildError> {
        let (session, name) = (owner_session(owner).await?, projection.name());
        let lock = include_str!("../../sql/rebuild/take_lock.sql");
        if !session.query_one(lock, &[&REBUILD_LOCK, &name]).await?.try_get::<_, bool>(0)? {
            return Err(RebuildError::AlreadyRunning);
        }
        Ok(Self { session, name })
    }

    /// Lets another rebuild begin as soon as this one is done. The end of the session would do so as well, a moment later.
    pub(super) async fn release(self) {
        let unlock = include_str!("../../sql/rebuild/release_lock.sql");
        if let Err(error) = self.session.execute(unlock, &[&REBUILD_LOCK, &self.name]).await {
            tracing::debug!(projection = self.name, %error, "the lock of a rebuild ends with its session");
        }
    }

    pub(super) async fn live(&self) -> Result<Live, RebuildError> {
        let find = include_str!("../../sql/checkpoint.sql");
        let row = self.session.query_opt(find, &[&self.name]).await?.ok_or(RebuildError::NotInstalled)?;
        Ok(Live { version: row.try_get("version")?, position: Position::from_sql(row.try_get("position")?) })
    }
}

/// The copy and how far it is filled.
pub(super) struct Copy<'a> {
    log: &'a EventLog,
    pub(super) projection: &'a dyn Projection,
    /// Not the session of the lock, whose transaction is open while the copy is filled and committed.
    pub(super) session: ClientWrapper,
    pub(super) schema: String,
    owner: Config,
    position: Position,
    started: Instant,
}

impl<'a> Copy<'a> {
    /// Makes empty tables, in place of those that a killed rebuild may have left.
    pub(super) async fn begin(
        log: &'a EventLog,
        owner: &Config,
        projection: &'a dyn Projection,
    ) -> Result<Self, RebuildError> {
        let mut session = owner_session(owner).await?;
        let schema = format!("rebuild_{}", projection.name());
        let tx = session.transaction().await?;
        tx.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).await?;
        create_tables(&tx, &schema, projection).await?;
        tx.commit().await?;
        let (owner, position, started) = (owner.clone(), Position::ZERO, Instant::now());
        Ok(Self { log, projection, session, schema, owner, position, started })
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Fills the empty tables up to `until`, and completes them.
    pub(super) async fn load(
        &mut self,
        until: Position,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        self.proceed(until, Way::Load, progress).await?;
        let position = self.position;
        self.derive().await.map_err(|source| RebuildError::Apply { after: Position::ZERO, until: position, source })?;
        let tx = begin(&mut self.session, &self.schema).await?;
        // Enough to sort an index of a few million rows in memory.
        tx.batch_execute("SET LOCAL maintenance_work_mem = '512MB'").await?;
        tx.batch_execute(self.projection.indexes()).await?;
        Ok(tx.commit().await?)
    }

    /// Makes each share in a transaction of its own, so that PostgreSQL uses a processor for each.
    async fn derive(&mut self) -> Result<(), ProjectionError> {
        let mut other = owner_session(&self.owner).await?;
        let sessions = [&mut self.session, &mut other].into_iter().zip(0..);
        let (schema, projection) = (&self.schema, self.projection);
        let shares = sessions.map(|(session, part)| async move {
            let tx = begin(session, schema).await?;
            projection.derive(Share { part, of: 2 }, &tx).await?;
            Ok::<_, ProjectionError>(tx.commit().await?)
        });
        try_join_all(shares).await?;
        Ok(())
    }

    /// Applies what lies between its position and `until`.
    pub(super) async fn fill(
        &mut self,
        until: Position,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        self.proceed(until, Way::Apply, progress).await
    }

    async fn proceed(
        &mut self,
        until: Position,
        way: Way,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        let mut ahead = read(self.log, self.projection, self.position, until).await?;
        while ahead.reached > self.position {
            let Read { events, reached } = ahead;
            let apply = take_committed(&mut self.session, &self.schema, self.projection, way, &events);
            let (applied, next) = join(apply, read(self.log, self.projection, reached, until)).await;
            applied.map_err(|source| RebuildError::Apply { after: self.position, until: reached, source })?;
            self.position = reached;
            progress(self.progress(reached, until));
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
        tx.batch_execute(&search_path(&self.schema)).await?;
        let mut position = self.position;
        loop {
            let Read { events, reached } = read(self.log, self.projection, position, until).await?;
            if reached == position {
                return Ok(());
            }
            let applied = Way::Apply.take(self.projection, &events, tx).await;
            applied.map_err(|source| RebuildError::Apply { after: position, until: reached, source })?;
            position = reached;
            progress(self.progress(position, until));
        }
    }

    fn progress(&self, position: Position, head: Position) -> Progress {
        Progress { projection: self.projection.name(), position, head, elapsed: self.started.elapsed() }
    }

    /// Vacuums and analyzes the copy. The planner then knows as much of it as of the live tables, and a swap does not make
    /// queries slow.
    pub(super) async fn tidy(&self) -> Result<(), RebuildError> {
        for table in self.projection.tables() {
            self.session.batch_execute(&format!("VACUUM (ANALYZE) {}.{table}", self.schema)).await?;
        }
        Ok(())
    }

    pub(super) async fn discard(&self) -> Result<(), RebuildError> {
        Ok(self.session.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema)).await?)
    }

    /// Discards the copy because of an error, and returns the error. If the database is away, the next rebuild discards the
    /// copy.
    pub(super) async fn discarded_for(self, error: RebuildError) -> RebuildError {
        if let Err(remains) = self.discard().await {
            tracing::debug!(projection = self.projection.name(), error = %remains, "the copy remains");
        }
        error
    }
}

/// Events that a projection takes, and up to where the log was read for them.
struct Read {
    events: Vec<RecordedEvent>,
    reached: Position,
}

/// At most a batch of the events after `position`, none of them after `until`.
async fn read(
    log: &EventLog,
    projection: &dyn Projection,
    position: Position,
    until: Position,
) -> Result<Read, LogError> {
    let rest = until.get().saturating_sub(position.get());
    let (events, reached) = match u32::try_from(rest).unwrap_or(BATCH_EVENTS).min(BATCH_EVENTS) {
        0 => (Vec::new(), position),
        limit => log.read_taken(position, limit, |event_type| projection.takes(event_type)).await?,
    };
    Ok(Read { events, reached })
}

/// How events come into the tables.
#[derive(Clone, Copy)]
enum Way {
    Load,
    Apply,
}

impl Way {
    async fn take(
        self,
        projection: &dyn Projection,
        events: &[RecordedEvent],
        tx: &Transaction<'_>,
    ) -> Result<(), ProjectionError> {
        match self {
            _ if events.is_empty() => Ok(()),
            Self::Load => projection.load(events, tx).await,
            Self::Apply => projection.apply(events, tx).await,
        }
    }
}

fn search_path(schema: &str) -> String {
    format!("SET LOCAL search_path = {schema}, public")
}

/// A transaction on the copy. It does not wait for the disk: after a crash the copy is not needed, and the commit of the
/// swap waits for all before it.
async fn begin<'s>(session: &'s mut ClientWrapper, schema: &str) -> Result<Transaction<'s>, tokio_postgres::Error> {
    let tx = session.transaction().await?;
    tx.batch_execute(&format!("SET LOCAL synchronous_commit = off; {}", search_path(schema))).await?;
    Ok(tx)
}

async fn take_committed(
    session: &mut ClientWrapper,
    schema: &str,
    projection: &dyn Projection,
    way: Way,
    events: &[RecordedEvent],
) -> Result<(), ProjectionError> {
    let tx = begin(session, schema).await?;
    way.take(projection, events, &tx).await?;
    Ok(tx.commit().await?)
}
