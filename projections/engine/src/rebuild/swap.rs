//! The swap: the copy takes the place of the live tables, in one transaction.

use std::time::{Duration, Instant};

use deadpool_postgres::Transaction;
use domain::ids::Position;
use tokio::time::sleep;

use super::copy::{Copy, RebuildLock};
use super::error::RebuildError;
use super::progress::Progress;
use crate::install::LIVE_SCHEMA;

/// How long the live projection may wait for transactions that began before the copy was complete.
const OLDER_TRANSACTIONS_LIMIT: Duration = Duration::from_secs(2);

/// How often those transactions are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Catches up, and swaps. If another transaction is in the way, it returns `Busy` and has changed nothing.
///
/// The swap locks the checkpoint's row first. So the live projection waits, and applies what comes next to the new tables.
/// Two precautions make that no reader notices:
///
/// - The copy is complete, and committed, before the tables change places, and the swap waits for transactions that began
///   before that: their snapshot would not show them all of the copy's rows.
/// - The locks are waited for shorter than PostgreSQL waits before it looks for deadlocks, so it is never a reader who pays
///   for one.
pub(super) async fn swap(
    lock: &mut RebuildLock,
    copy: &mut Copy<'_>,
    version: i64,
    progress: &mut impl FnMut(Progress),
) -> Result<Position, RebuildError> {
    let ours = [backend(&lock.session).await?, backend(&copy.session).await?];
    let (projection, schema) = (copy.projection, copy.schema.clone());
    let tx = lock.session.transaction().await?;
    // Longer than a batch of the live projection takes.
    tx.batch_execute("SET LOCAL lock_timeout = '10s'").await?;
    let hold = include_str!("../../sql/rebuild/hold_checkpoint.sql");
    let row = tx.query_opt(hold, &[&projection.name()]).await?.ok_or(RebuildError::NotInstalled)?;
    if row.try_get::<_, i64>("version")? != version {
        return Err(RebuildError::Superseded);
    }
    // The live projection may be behind the copy, if an event stopped it that the code of the copy accepts.
    let live = Position::from_sql(row.try_get("position")?);
    copy.fill(live, progress).await?;
    let position = copy.position().max(live);
    wait_for_older_transactions(&tx, &ours).await?;

    let mut statements = "SET LOCAL lock_timeout = '500ms';".to_owned();
    let old: Vec<&str> = row.try_get("tables")?;
    let old: Vec<String> = old.iter().map(|name| format!("{LIVE_SCHEMA}.{name}")).collect();
    if !old.is_empty() {
        let old = old.join(", ");
        statements += &format!("LOCK TABLE {old} IN ACCESS EXCLUSIVE MODE; DROP TABLE {old};");
    }
    for table in projection.tables() {
        statements += &format!("ALTER TABLE {schema}.{table} SET SCHEMA {LIVE_SCHEMA};");
    }
    statements += &format!("DROP SCHEMA {schema}");
    tx.batch_execute(&statements).await?;
    let version = i32::try_from(projection.version()).unwrap_or(i32::MAX);
    let swapped = include_str!("../../sql/rebuild/swapped.sql");
    tx.execute(swapped, &[&projection.name(), &version, &projection.tables(), &position.to_sql()]).await?;
    tx.commit().await?;
    Ok(position)
}

async fn backend(session: &tokio_postgres::Client) -> Result<i32, RebuildError> {
    Ok(session.query_one(include_str!("../../sql/rebuild/backend.sql"), &[]).await?.try_get(0)?)
}

async fn wait_for_older_transactions(tx: &Transaction<'_>, ours: &[i32]) -> Result<(), RebuildError> {
    let started = Instant::now();
    let under_way = include_str!("../../sql/rebuild/transactions.sql");
    let mut older: Option<Vec<String>> = None;
    loop {
        let now: Vec<String> = tx.query_one(under_way, &[&ours, &older]).await?.try_get(0)?;
        if now.is_empty() {
            return Ok(());
        }
        if started.elapsed() > OLDER_TRANSACTIONS_LIMIT {
            return Err(RebuildError::Busy);
        }
        older = Some(now);
        sleep(POLL_INTERVAL).await;
    }
}
