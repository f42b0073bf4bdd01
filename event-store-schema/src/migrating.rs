//! Bringing schemas to this release. Each owner of a schema has migrations of its own, with a history table of its own.

use tokio_postgres::{Client, Config, NoTls};

use crate::database::DatabaseError;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock of the log's migrations: 'MPmi' in ASCII.
const LOCK: i64 = 0x4d50_6d69;

/// The history of the log's migrations. It is refinery's own default, because the first release wrote it.
const HISTORY: &str = "refinery_schema_history";

/// A migration failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database could not be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A migration's SQL failed, or the database was migrated by a newer release.
    #[error("migration failed: {0}")]
    Refinery(#[from] refinery::Error),
}

impl From<tokio_postgres::Error> for MigrationError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Brings the schemas `log`, `keys` and `audit` to this release, and makes the application's role. Runs before the migrations
/// of any other schema. `owner` connects as the owner of the database, not as the application.
pub async fn migrate(owner: &Config) -> Result<(), MigrationError> {
    migrate_schema(owner, LOCK, HISTORY, migrations::migrations::runner()).await
}

/// Brings a schema to this release: runs those of its migrations that the table `history` does not name yet. `owner`
/// connects as the owner of the database.
///
/// Servers may start at the same time: they take turns under the advisory lock `lock`, which belongs to this schema alone.
/// The lock is released when this returns.
pub async fn migrate_schema<E>(owner: &Config, lock: i64, history: &str, migrations: refinery::Runner) -> Result<(), E>
where
    E: From<tokio_postgres::Error> + From<refinery::Error>,
{
    let (client, connection) = owner.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let outcome = run(client, lock, history, migrations).await;
    // The client is gone, so the session ends, and with it the lock.
    let _ = connection.await;
    outcome
}

async fn run<E>(mut client: Client, lock: i64, history: &str, mut migrations: refinery::Runner) -> Result<(), E>
where
    E: From<tokio_postgres::Error> + From<refinery::Error>,
{
    client.execute(include_str!("../sql/migration_lock.sql"), &[&lock]).await?;
    let report = migrations.set_migration_table_name(history).run_async(&mut client).await?;
    for migration in report.applied_migrations() {
        tracing::info!(history, %migration, "migrated");
    }
    Ok(())
}
