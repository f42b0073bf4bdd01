//! How far somebody who follows the log has come, in the hands of the one server that leads: elected as the leaders of
//! projections are (see [`leadership`](crate::leadership)), and stopped as they are by its epoch if it was replaced while it
//! was frozen. For the publisher and for policies, whose rows stand among those of the read models, without tables.

use std::time::Instant;

use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};

use crate::leadership::{CAMPAIGN, Campaign, LeadLost, Leadership, RENEW, campaign};

/// The version of such a row.
const VERSION: u32 = 1;

/// Why a checkpoint is not, or no longer, in this server's hands.
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

/// Makes a checkpoint at this position, if there is none of the name.
pub async fn install(
    client: &tokio_postgres::Client,
    name: &str,
    start: Position,
) -> Result<(), tokio_postgres::Error> {
    let tables: [&str; 0] = [];
    let add = include_str!("../sql/add_checkpoint.sql");
    client.execute(add, &[&name, &i64::from(VERSION), &tables.as_slice(), &start.to_sql()]).await.map(|_| ())
}

/// The checkpoint, in the hands of the elected server.
pub struct Checkpoint {
    name: &'static str,
    lead: Leadership,
    renewed: Instant,
    position: Position,
}

impl Checkpoint {
    /// Waits until no other server leads.
    pub async fn when_elected(database: &Database, name: &'static str) -> Result<Self, CheckpointError> {
        loop {
            match campaign(database, name, VERSION).await? {
                Campaign::Won(lead) => {
                    return Ok(Self { name, position: lead.start(), lead, renewed: Instant::now() });
                }
                Campaign::Lost => tokio::time::sleep(CAMPAIGN).await,
                Campaign::OtherVersion(_) | Campaign::Missing => return Err(CheckpointError::NotInstalled),
            }
        }
    }

    /// Up to where the log was followed.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Moves it, unless another server leads by now.
    pub async fn advance_to(&mut self, position: Position) -> Result<(), CheckpointError> {
        let advance = include_str!("../sql/move_checkpoint.sql");
        let (version, epoch) = (i64::from(VERSION), self.lead.epoch());
        let (from, to) = (self.position.to_sql(), position.to_sql());
        self.lead.write(advance, &[&self.name, &version, &epoch, &from, &to]).await?;
        (self.position, self.renewed) = (position, Instant::now());
        Ok(())
    }

    /// Keeps the lease while there is nothing to move; fails if another server leads by now.
    pub async fn still_elected(&mut self) -> Result<(), CheckpointError> {
        if self.renewed.elapsed() >= RENEW {
            self.lead.renew().await?;
            self.renewed = Instant::now();
        }
        Ok(())
    }
}

/// Up to where the log was followed, by whichever server.
pub async fn followed(database: &Database, name: &str) -> Result<Option<Position>, DatabaseError> {
    let client = database.get().await?;
    let current = client.prepare_cached(include_str!("../sql/checkpoint.sql")).await?;
    let row = client.query_opt(&current, &[&name]).await?;
    Ok(row.map(|row| row.try_get("position")).transpose()?.map(Position::from_sql))
}
