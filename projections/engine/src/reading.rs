//! How queries read: for one practice, in a transaction that names it, in one round trip.

use std::error::Error;
use std::time::Instant;

use domain::ids::FacilityId;
use event_store_schema::{Database, DatabaseError};
use futures_util::future::{join_all, join3, join4};
use metrics::histogram;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::stored::Malformed;

/// A query failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database is away or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row of a read model is not what this release writes.
    #[error("a read model holds a row that cannot be read: {0}")]
    Malformed(&'static str),
}

impl From<tokio_postgres::Error> for QueryError {
    fn from(error: tokio_postgres::Error) -> Self {
        if is_unreadable(&error) { Self::Malformed("a value of another type") } else { Self::Database(error.into()) }
    }
}

impl From<Malformed> for QueryError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Malformed(name)
    }
}

/// Whether the error is neither the server's nor the connection's: a value is not of the type that the code says.
pub(crate) fn is_unreadable(error: &tokio_postgres::Error) -> bool {
    let broken = || error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>());
    error.code().is_none() && !broken()
}

/// A statement and what is bound to it.
pub type Bound<'a> = (&'a str, &'a [&'a (dyn ToSql + Sync)]);

/// The rows of each statement, all of one snapshot, as one practice may see them. `name` is the query's in the metrics.
///
/// The practice is named by a setting of the transaction, which row-level security compares with every row: a condition
/// that a statement forgets yields nothing instead of somebody else's patients.
pub async fn read<const N: usize>(
    database: &Database,
    facility: FacilityId,
    name: &'static str,
    statements: [Bound<'_>; N],
) -> Result<[Vec<Row>; N], QueryError> {
    let started = Instant::now();
    let client = database.get().await?;
    let name_facility = client.prepare_cached(include_str!("../sql/name_facility.sql")).await?;
    let mut prepared = Vec::with_capacity(N);
    for (sql, parameters) in statements {
        prepared.push((client.prepare_cached(sql).await?, parameters));
    }
    let facility = facility.to_string();
    // Each of these futures sends its message when it is first polled, and they are polled in this order: all messages are
    // under way, COMMIT included, before the first answer is waited for. That saves three round trips, and a query that
    // is cancelled half-way leaves no open transaction behind. After a failure COMMIT rolls back.
    let (begun, named, answers, ended) = join4(
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        client.execute(&name_facility, &[&facility]),
        join_all(prepared.iter().map(|(statement, parameters)| client.query(statement, parameters))),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    named?;
    let mut rows = [const { Vec::new() }; N];
    for (rows, answer) in rows.iter_mut().zip(answers) {
        *rows = answer?;
    }
    ended?;
    histogram!("query_duration_seconds", "query" => name).record(started.elapsed());
    Ok(rows)
}

/// The rows of a statement in which no practice is named, as whoever acts for all practices sees them: policies, which look
/// for what is due. Never for an answer to anybody.
pub async fn read_of_all(
    database: &Database,
    name: &'static str,
    (sql, parameters): Bound<'_>,
) -> Result<Vec<Row>, QueryError> {
    let started = Instant::now();
    let client = database.get().await?;
    let statement = client.prepare_cached(sql).await?;
    let (begun, rows, ended) = join3(
        client.batch_execute("BEGIN READ ONLY; SET LOCAL ROLE medicalpro_projector"),
        client.query(&statement, parameters),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    let rows = rows?;
    ended?;
    histogram!("query_duration_seconds", "query" => name).record(started.elapsed());
    Ok(rows)
}
