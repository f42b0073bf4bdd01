//! Queries read for one facility, in a transaction that names it, in one round trip.

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

/// Whether a value is not of the type that the code says: the error is neither the server's nor the connection's.
pub(crate) fn is_unreadable(error: &tokio_postgres::Error) -> bool {
    let broken = || error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>());
    error.code().is_none() && !broken()
}

/// A statement and what is bound to it.
pub type Bound<'a> = (&'a str, &'a [&'a (dyn ToSql + Sync)]);

/// The rows of each statement, all of one snapshot, as one facility may see them. `name` is the query's in the metrics.
///
/// A setting of the transaction names the facility. Row-level security compares it with every row. If a statement forgets
/// the condition, it yields no rows of another facility.
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
    // Each future sends its message when it is first polled, and they are polled in this order. So all messages, COMMIT
    // included, are under way before the first answer is awaited. That saves three round trips. A query that is cancelled
    // half-way leaves no open transaction. After a failure COMMIT rolls back.
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

/// The rows of a statement over all facilities. Policies look for what is due with it. No answer to a request may come from
/// it.
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
