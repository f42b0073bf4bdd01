//! The tables of read models: made at start, by the owner of the database, right after the log's migrations.

use std::sync::Arc;

use tokio_postgres::{Client, Config, NoTls, Transaction};

use crate::projection::Projection;

/// The schema that queries read.
pub(crate) const LIVE_SCHEMA: &str = "read_model";

/// The advisory lock under which read models are installed: 'MPin' in ASCII.
const INSTALL_LOCK: i64 = 0x4d50_696e;

/// The tables of a read model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The database could not be reached.
    #[error("no database connection: {0}")]
    Connection(#[source] tokio_postgres::Error),
    /// What all read models share could not be made.
    #[error("cannot prepare for read models: {}", describe(.0))]
    Shared(#[source] tokio_postgres::Error),
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

/// Makes the tables of all read models that are missing, under a lock, so that servers may start at the same time; their
/// runners then fill them from the beginning of the log. A read model of another version is left as it is, for servers of
/// that release may still show it: it is [rebuilt](crate::rebuild::rebuild) beside them.
///
/// The connection must be the owner's, not the application's.
pub async fn install(owner: &Config, projections: &[Arc<dyn Projection>]) -> Result<(), InstallError> {
    let (mut client, connection) = owner.connect(NoTls).await.map_err(InstallError::Connection)?;
    // Ends with the client at the end of this function, and the lock with it.
    tokio::spawn(connection);
    prepare(&client).await.map_err(InstallError::Shared)?;
    for projection in projections {
        let name = projection.name();
        install_one(&mut client, projection.as_ref())
            .await
            .map_err(|source| InstallError::Tables { projection: name, source })?;
    }
    Ok(())
}

async fn prepare(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.execute("SELECT pg_advisory_lock($1)", &[&INSTALL_LOCK]).await?;
    client.batch_execute(include_str!("../sql/install.sql")).await
}

async fn install_one(client: &mut Client, projection: &dyn Projection) -> Result<(), tokio_postgres::Error> {
    let version = i64::from(projection.version());
    let tx = client.transaction().await?;
    let find = "SELECT version::bigint FROM read_model.checkpoints WHERE projection = $1";
    if let Some(row) = tx.query_opt(find, &[&projection.name()]).await? {
        let found: i64 = row.try_get(0)?;
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
    tx.execute(
        "INSERT INTO read_model.checkpoints (projection, version, tables, position) VALUES ($1, $2::bigint, $3, 0)",
        &[&projection.name(), &version, &projection.tables()],
    )
    .await?;
    tx.commit().await?;
    tracing::info!(projection = projection.name(), version, "read model installed");
    Ok(())
}

/// Makes a projection's tables in a schema, with their privileges and policies: no projection can forget them. The
/// transaction is left with a search path on which the tables come first.
///
/// Row-level security is not forced on the owner of the tables: the owner serves no request, and must be able to dump them.
pub(crate) async fn create_tables(
    tx: &Transaction<'_>,
    schema: &str,
    projection: &dyn Projection,
) -> Result<(), tokio_postgres::Error> {
    tx.batch_execute(&format!("SET LOCAL search_path = {schema}, public; {}", projection.schema())).await?;
    for table in projection.tables() {
        // The setting is '' in a session that had it in an earlier transaction: then no row is visible, as without it.
        tx.batch_execute(&format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own_facility ON {table} FOR SELECT TO medicalpro_app
                 USING (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid);
             CREATE POLICY projector ON {table} TO medicalpro_projector USING (true) WITH CHECK (true);
             GRANT SELECT ON {table} TO medicalpro_app;
             GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO medicalpro_projector"
        ))
        .await?;
    }
    Ok(())
}
