//! The comparison: the live tables and the copy, at the same position, row for row.

use deadpool_postgres::Transaction;
use domain::ids::Position;
use tokio_postgres::IsolationLevel;

use super::copy::{Copy, RebuildLock};
use super::error::RebuildError;
use super::progress::Progress;

/// How many rows of a table are named.
const EXAMPLE_ROWS: usize = 10;

/// A table that is not what a rebuild makes.
#[derive(Clone, Debug)]
pub struct TableDifference {
    /// Which.
    pub table: &'static str,
    /// How many rows only the live table has. A row that differs is one of these and one of the others.
    pub only_live: u64,
    /// How many rows only the rebuilt table has.
    pub only_rebuilt: u64,
    /// Some of them, by the ids in their primary keys.
    pub examples: Vec<String>,
}

/// Completes the copy to exactly where the live tables stand, and compares. All of that is one transaction with one
/// snapshot, which shows the live tables and their checkpoint as they were at one moment, and what it has itself added.
pub(super) async fn compare(
    lock: &mut RebuildLock,
    copy: &Copy<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<(Position, Vec<TableDifference>), RebuildError> {
    let projection = copy.projection;
    let tx = lock.session.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    let find = include_str!("../../sql/checkpoint.sql");
    let row = tx.query_opt(find, &[&projection.name()]).await?.ok_or(RebuildError::NotInstalled)?;
    let (found, ours) = (row.try_get("version")?, projection.version());
    if found != i64::from(ours) {
        return Err(RebuildError::OtherVersion { found, ours });
    }
    let position = Position::from_sql(row.try_get("position")?);
    copy.fill_within(&tx, position, progress).await?;
    let mut differences = Vec::new();
    for table in projection.tables() {
        differences.extend(compare_table(&tx, &copy.schema, table).await?);
    }
    tx.rollback().await?;
    Ok((position, differences))
}

async fn compare_table(
    tx: &Transaction<'_>,
    schema: &str,
    table: &'static str,
) -> Result<Option<TableDifference>, RebuildError> {
    let columns = include_str!("../../sql/rebuild/key_columns.sql");
    let columns = tx.query(columns, &[&format!("{schema}.{table}")]).await?;
    let ids: Vec<String> = columns
        .iter()
        .map(|row| row.try_get::<_, &str>(0).map(|name| format!("'{name} ' || t.{name}")))
        .collect::<Result<_, _>>()?;
    let id = if ids.is_empty() { "''".to_owned() } else { format!("concat_ws(', ', {})", ids.join(", ")) };
    let compare = format!(
        include_str!("../../sql/rebuild/compare.sql"),
        id = id,
        schema = schema,
        table = table,
        examples = EXAMPLE_ROWS
    );
    let row = tx.query_one(&compare, &[]).await?;
    let count = |column| row.try_get(column).map(|count: i64| count.unsigned_abs());
    let difference = TableDifference {
        table,
        only_live: count("only_live")?,
        only_rebuilt: count("only_rebuilt")?,
        examples: row.try_get("examples")?,
    };
    Ok((difference.only_live + difference.only_rebuilt > 0).then_some(difference))
}
