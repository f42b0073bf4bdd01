//! Running one statement of `sql/` on a connection of the pool.

use event_store_schema::Database;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::AccountsError;

pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How many rows it changed.
pub(crate) async fn execute(
    database: &Database,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<u64, AccountsError> {
    let client = database.get().await?;
    let statement = client.prepare_cached(statement).await?;
    Ok(client.execute(&statement, parameters).await?)
}

pub(crate) async fn query(
    database: &Database,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, AccountsError> {
    let client = database.get().await?;
    let statement = client.prepare_cached(statement).await?;
    Ok(client.query(&statement, parameters).await?)
}

pub(crate) async fn query_one(
    database: &Database,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Row, AccountsError> {
    let client = database.get().await?;
    let statement = client.prepare_cached(statement).await?;
    Ok(client.query_one(&statement, parameters).await?)
}

pub(crate) async fn query_opt(
    database: &Database,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Option<Row>, AccountsError> {
    let client = database.get().await?;
    let statement = client.prepare_cached(statement).await?;
    Ok(client.query_opt(&statement, parameters).await?)
}
