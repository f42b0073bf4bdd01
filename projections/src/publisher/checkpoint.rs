//! Who publishes, and up to where it has: elected as the leaders of projections are (see [`leadership`](crate::leadership)),
//! and stopped as they are by its epoch if it was replaced while it was frozen.

use std::time::Instant;

use domain::ids::Position;
use event_store_schema::{Database, DatabaseError};
use tokio_postgres::{Config, NoTls};

use super::PublishError;
use crate::leadership::{CAMPAIGN, Campaign, LeadLost, Leadership, RENEW, campaign};

/// The publisher's row among the checkpoints.
const NAME: &str = "nats_publisher";
/// The version of that row.
const VERSION: u32 = 1;

/// Makes the publisher's checkpoint, at the beginning of the log, if there is none. Runs at start, after
/// [`install`](crate::install) has made the table; the connection must be the owner's, not the application's.
pub async fn install(owner: &Config) -> Result<(), DatabaseError> {
    let (client, connection) = owner.connect(NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    let make = "INSERT INTO read_model.checkpoints (projection, version, tables, position)
                VALUES ($1, 1, '{}', 0) ON CONFLICT (projection) DO NOTHING";
    client.execute(make, &[&NAME]).await?;
    Ok(())
}

/// The checkpoint, in the hands of the elected server.
pub(super) struct Checkpoint {
    lead: Leadership,
    renewed: Instant,
    position: Position,
}

impl Checkpoint {
    /// Waits until no other server publishes.
    pub(super) async fn when_elected(database: &Database) -> Result<Self, PublishError> {
        loop {
            match campaign(database, NAME, VERSION).await? {
                Campaign::Won(lead) => return Ok(Self { position: lead.start(), lead, renewed: Instant::now() }),
                Campaign::Lost => tokio::time::sleep(CAMPAIGN).await,
                Campaign::OtherVersion(_) | Campaign::Missing => return Err(PublishError::NotInstalled),
            }
        }
    }

    /// Up to where the log is published.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Moves it, unless another server publishes by now.
    pub(super) async fn advance_to(&mut self, position: Position) -> Result<(), PublishError> {
        let advance = include_str!("../../sql/move_checkpoint.sql");
        let (version, epoch) = (i64::from(VERSION), self.lead.epoch());
        let (from, to) = (self.position.to_sql(), position.to_sql());
        self.lead.write(advance, &[&NAME, &version, &epoch, &from, &to]).await?;
        (self.position, self.renewed) = (position, Instant::now());
        Ok(())
    }

    /// Keeps the lease while there is nothing to publish; fails if another server publishes by now.
    pub(super) async fn still_elected(&mut self) -> Result<(), PublishError> {
        if self.renewed.elapsed() >= RENEW {
            self.lead.renew().await?;
            self.renewed = Instant::now();
        }
        Ok(())
    }
}

impl From<LeadLost> for PublishError {
    fn from(lost: LeadLost) -> Self {
        match lost {
            LeadLost::Fenced | LeadLost::TooSlow => Self::Deposed,
            LeadLost::Database(error) => Self::Database(error),
        }
    }
}

/// Up to where the log is published, by whichever server.
pub(super) async fn published(database: &Database) -> Result<Option<Position>, DatabaseError> {
    let client = database.get().await?;
    let current = client.prepare_cached("SELECT position FROM read_model.checkpoints WHERE projection = $1").await?;
    Ok(client.query_opt(&current, &[&NAME]).await?.map(|row| Position::from_sql(row.get(0))))
}
