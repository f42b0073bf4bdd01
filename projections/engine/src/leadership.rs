//! Leadership: the server that last raised the epoch in a checkpoint's row leads. Projections, policies and the publisher
//! use it.
//!
//! A leader renews its lease about every second, by the database's clock. A killed leader loses its session, and with it the
//! lock of its epoch: another server takes over at once. A frozen leader keeps its session but not its lease: another server
//! takes over when the lease has run out. If the frozen leader wakes up, its statements name a passed epoch and change
//! nothing.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;

/// How often a leader renews its lease of five seconds (see `take_lead.sql`).
pub(crate) const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How often a server that does not lead tries to take the lead.
pub(crate) const CAMPAIGN_INTERVAL: Duration = Duration::from_secs(1);

/// If the database does not answer for so long, the lease has run out.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How a campaign ended.
pub(crate) enum Campaign {
    Won(Leadership),
    /// Another server leads, or the checkpoint is being moved at this moment.
    Lost,
    /// The checkpoint belongs to this other version.
    OtherVersion(i64),
    /// There is no such checkpoint.
    Missing,
}

/// The lead of a checkpoint, for as long as nobody else takes it.
pub(crate) struct Leadership {
    name: &'static str,
    epoch: i64,
    start: Position,
    session: ClientWrapper,
}

/// Why the lead is lost.
#[derive(Debug)]
pub(crate) enum LeadLost {
    Fenced,
    TooSlow,
    Database(DatabaseError),
}

impl<E: Into<DatabaseError>> From<E> for LeadLost {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

/// Tries to take the lead.
pub(crate) async fn campaign(database: &Database, name: &'static str, version: u32) -> Result<Campaign, DatabaseError> {
    let client = database.get().await?;
    let take = client.prepare_cached(include_str!("../sql/take_lead.sql")).await?;
    if let Some(row) = client.query_opt(&take, &[&name, &i64::from(version)]).await? {
        // The session holds the lock of the epoch, so the connection must never go back to the pool.
        let session = Object::take(client);
        session.batch_execute(include_str!("../sql/lead.sql")).await?;
        let (epoch, start) = (row.try_get("epoch")?, Position::from_sql(row.try_get("position")?));
        return Ok(Campaign::Won(Leadership { name, epoch, start, session }));
    }
    let find = client.prepare_cached(include_str!("../sql/checkpoint.sql")).await?;
    let found: Option<i64> = client.query_opt(&find, &[&name]).await?.map(|row| row.try_get("version")).transpose()?;
    Ok(match found {
        None => Campaign::Missing,
        Some(found) if found == i64::from(version) => Campaign::Lost,
        Some(found) => Campaign::OtherVersion(found),
    })
}

impl Leadership {
    /// The number of this lead. A statement that writes names it in its condition.
    pub(crate) const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Where the checkpoint stood when the lead was taken.
    pub(crate) const fn start(&self) -> Position {
        self.start
    }

    /// The connection that the lead is bound to.
    pub(crate) const fn session(&mut self) -> &mut ClientWrapper {
        &mut self.session
    }

    /// Prolongs the lease; fails if another server leads by now.
    pub(crate) async fn renew(&self) -> Result<(), LeadLost> {
        self.write(include_str!("../sql/renew_lead.sql"), &[&self.name, &self.epoch]).await
    }

    /// Runs a statement that names the epoch in its condition. It fails if no row matched.
    pub(crate) async fn write(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<(), LeadLost> {
        let written = async {
            let statement = self.session.prepare_cached(statement).await?;
            self.session.execute(&statement, parameters).await
        };
        match timeout(ANSWER_TIMEOUT, written).await {
            Ok(Ok(0)) => Err(LeadLost::Fenced),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(LeadLost::TooSlow),
        }
    }
}
