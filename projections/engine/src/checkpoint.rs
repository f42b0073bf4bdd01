//! Checkpoints of the publisher and of policies. Their rows stand among those of the read models, without tables. One server
//! holds a checkpoint at a time. It is elected as the leaders of projections are (see [`leadership`](crate::leadership)),
//! and its epoch stops it if it was replaced while frozen.

use std::time::Instant;

use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};

use crate::leadership::{CAMPAIGN_INTERVAL, Campaign, LeadLost, Leadership, RENEW_INTERVAL, campaign};

/// The version in every such row.
const VERSION: u32 = 1;

/// Why this server does not hold a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The database is away.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another server leads.
    #[error("another server leads now")]
    Deposed,
    /// There is no such row.
    #[error("there is no checkpoint: it is made when the program starts")]
    NotInstalled,
}

impl From<LeadLost> for CheckpointError {
    fn from(lost: LeadLost) -> Self {
        match lost {
            LeadLost::Fenced | LeadLost::TooSlow => Self::Deposed,
            LeadLost::Database(error) => Self::Database(error),
        }
    }
}

/// Makes a checkpoint at `start`, if there is none of the name.
pub async fn install(
    client: &tokio_postgres::Client,
    name: &str,
    start: Position,
) -> Result<(), tokio_postgres::Error> {
    let tables: [&str; 0] = [];
    let add = include_str!("../sql/add_checkpoint.sql");
    client.execute(add, &[&name, &i64::from(VERSION), &tables.as_slice(), &start.to_sql()]).await.map(|_| ())
}

/// A checkpoint that this server holds.
pub struct Checkpoint {
    name: &'static str,
    lead: Leadership,
    renewed: Instant,
    position: Position,
}

impl Checkpoint {
    /// Waits until this server is elected.
    pub async fn when_elected(database: &Database, name: &'static str) -> Result<Self, CheckpointError> {
        loop {
            match campaign(database, name, VERSION).await? {
                Campaign::Won(lead) => {
                    return Ok(Self { name, position: lead.start(), lead, renewed: Instant::now() });
                }
                Campaign::Lost => tokio::time::sleep(CAMPAIGN_INTERVAL).await,
                Campaign::OtherVersion(_) | Campaign::Missing => return Err(CheckpointError::NotInstalled),
            }
        }
    }

    /// The position up to which the log was followed.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Moves the checkpoint. It fails if another server leads by now.
    pub async fn advance_to(&mut self, position: Position) -> Result<(), CheckpointError> {
        let advance = include_str!("../sql/move_checkpoint.sql");
        let (version, epoch) = (i64::from(VERSION), self.lead.epoch());
        let (from, to) = (self.position.to_sql(), position.to_sql());
        self.lead.write(advance, &[&self.name, &version, &epoch, &from, &to]).await?;
        (self.position, self.renewed) = (position, Instant::now());
        Ok(())
    }

    /// Renews the lease while there is nothing to move. It fails if another server leads by now.
    pub async fn still_elected(&mut self) -> Result<(), CheckpointError> {
        if self.renewed.elapsed() >= RENEW_INTERVAL {
            self.lead.renew().await?;
            self.renewed = Instant::now();
        }
        Ok(())
    }
}

/// The position up to which any server has followed the log.
pub async fn followed(database: &Database, name: &str) -> Result<Option<Position>, DatabaseError> {
    let client = database.get().await?;
    let current = client.prepare_cached(include_str!("../sql/checkpoint.sql")).await?;
    let row = client.query_opt(&current, &[&name]).await?;
    Ok(row.map(|row| row.try_get("position")).transpose()?.map(Position::from_sql))
}
