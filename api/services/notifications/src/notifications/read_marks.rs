//! Who has read which notification: tables of their own, for it does not follow from the log.

use deadpool_postgres::Transaction;
use domain::ids::{FacilityId, Position, UserId};
use event_store_schema::{Database, DatabaseError};
use projections::notifications::ReadMarks;
use tokio_postgres::Config;

use event_store_schema::migrating;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock under which migrations run: 'MPno' in ASCII.
const MIGRATION_LOCK: i64 = 0x4d50_6e6f;

/// The tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReadMarksError {
    /// The database could not be reached.
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    /// A migration failed.
    #[error("migration of the notifications failed: {0}")]
    Migration(#[from] refinery::Error),
}

/// Brings the schema `notifications` to this release.
pub async fn migrate(owner: &Config) -> Result<(), ReadMarksError> {
    let runner = migrations::migrations::runner();
    migrating::migrate_schema(owner, MIGRATION_LOCK, "notifications_schema_history", runner).await
}

/// What each member of staff has read.
#[derive(Clone)]
pub struct ReadMarkTables(Database);

impl ReadMarkTables {
    /// Over this database.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// What a user has read.
    pub async fn of(&self, facility: FacilityId, user: UserId) -> Result<ReadMarks, DatabaseError> {
        let mut client = self.0.get().await?;
        let tx = within(client.transaction().await?, facility).await?;
        let up_to = tx.prepare_cached(include_str!("../../sql/read_up_to.sql")).await?;
        let besides = tx.prepare_cached(include_str!("../../sql/read_besides.sql")).await?;
        let up_to = tx.query_opt(&up_to, &[&user.0]).await?.map(|row| row.try_get("position")).transpose()?;
        let besides = tx.query(&besides, &[&user.0]).await?;
        tx.commit().await?;
        let besides = besides.iter().map(|row| row.try_get("position").map(Position::from_sql));
        Ok(ReadMarks {
            up_to: up_to.map_or(Position::ZERO, Position::from_sql),
            besides: besides.collect::<Result<_, _>>()?,
        })
    }

    /// A user has read the notification of this position.
    pub async fn mark(&self, facility: FacilityId, user: UserId, position: Position) -> Result<(), DatabaseError> {
        let mut client = self.0.get().await?;
        let tx = within(client.transaction().await?, facility).await?;
        let mark = tx.prepare_cached(include_str!("../../sql/mark.sql")).await?;
        tx.execute(&mark, &[&facility.0, &user.0, &position.to_sql()]).await?;
        Ok(tx.commit().await?)
    }

    /// A user has read everything up to this position. What they read further on stays read.
    pub async fn mark_up_to(
        &self,
        facility: FacilityId,
        user: UserId,
        position: Position,
    ) -> Result<(), DatabaseError> {
        let mut client = self.0.get().await?;
        let tx = within(client.transaction().await?, facility).await?;
        let mark = tx.prepare_cached(include_str!("../../sql/mark_up_to.sql")).await?;
        let forget = tx.prepare_cached(include_str!("../../sql/forget_besides.sql")).await?;
        tx.execute(&mark, &[&facility.0, &user.0, &position.to_sql()]).await?;
        tx.execute(&forget, &[&user.0, &position.to_sql()]).await?;
        Ok(tx.commit().await?)
    }
}

/// A transaction that sees the rows of one facility.
async fn within(tx: Transaction<'_>, facility: FacilityId) -> Result<Transaction<'_>, DatabaseError> {
    let name = tx.prepare_cached(include_str!("../../sql/name_facility.sql")).await?;
    tx.execute(&name, &[&facility.to_string()]).await?;
    Ok(tx)
}
