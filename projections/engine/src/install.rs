//! The tables of read models. The owner of the database makes them at start, right after the log's migrations.

use std::sync::Arc;

use domain::ids::Position;
use event_store_schema::migrating::migrate_schema;
use tokio_postgres::{Client, Config, Transaction};

use crate::projection::Projection;
use crate::session::owner_session;

/// The schema that queries read.
pub(crate) const LIVE_SCHEMA: &str = "read_model";

/// The advisory lock under which read models are installed: 'MPin' in ASCII.
const INSTALL_LOCK: i64 = 0x4d50_696e;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock of the migrations: 'MPrm' in ASCII.
const MIGRATION_LOCK: i64 = 0x4d50_726d;

/// The history of the migrations.
const HISTORY: &str = "read_model_schema_history";

/// The tables of a read model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The database could not be reached.
    #[error("no database connection: {0}")]
    Connection(#[source] tokio_postgres::Error),
    /// What all read models share could not be made.
    #[error("cannot prepare for read models: {}", describe(.0))]
    Shared(#[from] tokio_postgres::Error),
    /// A migration failed, or the database was migrated by a newer release.
    #[error("migration failed: {0}")]
    Migration(#[from] refinery::Error),
    /// A read model's own tables could not be made.
    #[error("cannot install the read model {projection}: {}", describe(.source))]
    Tables {
        /// Which one.
        projection: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refusal) => format!("{} ({})", refusal.message(), refusal.code().code()),
        None => error.to_string(),
    }
}

/// Makes the missing tables of all read models. Runners then fill them from the beginning of the log. A lock lets servers
/// start at the same time. A read model of another version is left as it is, because servers of that release may still show
/// it. It is [rebuilt](crate::rebuild::rebuild) beside them.
///
/// `owner` connects as the owner of the database, not as the application.
pub async fn install(owner: &Config, projections: &[Arc<dyn Projection>]) -> Result<(), InstallError> {
    // The session ends with this function, and the lock with it.
    let mut client = owner_session(owner).await.map_err(InstallError::Connection)?;
    client.execute(include_str!("../sql/lock_install.sql"), &[&INSTALL_LOCK]).await?;
    client.batch_execute(include_str!("../sql/roles.sql")).await?;
    migrate_schema::<InstallError>(owner, MIGRATION_LOCK, HISTORY, migrations::migrations::runner()).await?;
    for projection in projections {
        let name = projection.name();
        install_one(&mut client, projection.as_ref())
            .await
            .map_err(|source| InstallError::Tables { projection: name, source })?;
    }
    Ok(())
}

async fn install_one(client: &mut Client, projection: &dyn Projection) -> Result<(), tokio_postgres::Error> {
    let version = i64::from(projection.version());
    let tx = client.transaction().await?;
    let find = include_str!("../sql/checkpoint.sql");
    if let Some(row) = tx.query_opt(find, &[&projection.name()]).await? {
        let found: i64 = row.try_get("version")?;
        if found != version {
            tracing::info!(
                projection = projection.name(),
                found,
                ours = version,
                "the read model is another release's"
            );
        }
        return Ok(());
    }
    create_tables(&tx, LIVE_SCHEMA, projection).await?;
    tx.batch_execute(projection.indexes()).await?;
    let (add, start) = (include_str!("../sql/add_checkpoint.sql"), Position::ZERO.to_sql());
    tx.execute(add, &[&projection.name(), &version, &projection.tables(), &start]).await?;
    tx.commit().await?;
    tracing::info!(projection = projection.name(), version, "read model installed");
    Ok(())
}

/// Makes a projection's tables in a schema, with their privileges and policies, which no projection can forget. The
/// transaction is left with a search path on which the tables come first.
///
/// Row-level security is not forced on the owner of the tables. The owner serves no request, and must be able to dump them.
pub(crate) async fn create_tables(
    tx: &Transaction<'_>,
    schema: &str,
    projection: &dyn Projection,
) -> Result<(), tokio_postgres::Error> {
    tx.batch_execute(&format!("SET LOCAL search_path = {schema}, public; {}", projection.schema())).await?;
    for table in projection.tables() {
        tx.batch_execute(&format!(include_str!("../sql/protect_table.sql"), table = table)).await?;
    }
    Ok(())
}
