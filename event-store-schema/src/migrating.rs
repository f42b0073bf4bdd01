//! How an owner of a schema brings it to this release: by migrations of its own, with a history table of its own.

use tokio_postgres::{Config, NoTls};

/// Runs migrations under an advisory lock, so that servers may start at the same time; after the log's, which make the
/// application's role. The connection must be the owner's.
pub async fn migrate<E>(owner: &Config, lock: i64, history: &str, mut migrations: refinery::Runner) -> Result<(), E>
where
    E: From<tokio_postgres::Error> + From<refinery::Error>,
{
    let (mut client, connection) = owner.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    client.execute("SELECT pg_advisory_lock($1)", &[&lock]).await?;
    migrations.set_migration_table_name(history).run_async(&mut client).await?;
    drop(client);
    // Its end is the end of the session, and so of the lock.
    let _ = connection.await;
    Ok(())
}
