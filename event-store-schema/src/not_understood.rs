//! Rows that this release does not understand, because a newer release or a hand wrote them.
//!
//! Whoever reads such a row closes what it speaks of and notes it here. The row is counted in [`ROWS_NOT_UNDERSTOOD`],
//! alarmed once in the log, and shown in `health/ready` until it is understood. No other row is affected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cell::Malformed;
use crate::health::{Check, Finding};

/// The gauge of rows that are not understood now; its label `table` names the table.
pub const ROWS_NOT_UNDERSTOOD: &str = "rows_not_understood";

type Table = &'static str;

/// The rows that one part of the house does not understand. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RowsNotUnderstood(Arc<Mutex<BTreeMap<Table, BTreeSet<String>>>>);

impl RowsNotUnderstood {
    /// Notes a row. `id` is its key, without personal data; a row whose key is not understood either has none. Returns
    /// what [`retain`](Self::retain) knows the row by.
    pub fn note(&self, table: Table, id: Option<&dyn ToString>, Malformed(column): Malformed) -> String {
        let id = id.map_or_else(|| "of an unknown key".to_owned(), ToString::to_string);
        let mut tables = self.tables();
        let rows = tables.entry(table).or_default();
        if !rows.contains(&id) {
            tracing::error!(table, id, column, "a row is not understood; what it speaks of is closed");
            rows.insert(id.clone());
            observe(table, rows);
        }
        id
    }

    /// Forgets a row that is understood by now.
    pub fn clear(&self, table: Table, id: &dyn ToString) {
        let mut tables = self.tables();
        if let Some(rows) = tables.get_mut(table)
            && !rows.is_empty()
            && rows.remove(&id.to_string())
        {
            tracing::info!(table, id = id.to_string(), "a row is understood again");
            observe(table, rows);
        }
    }

    /// What [`note`](Self::note) returned for the rows of a table that are noted now.
    pub fn noted(&self, table: Table) -> Vec<String> {
        self.tables().get(table).into_iter().flatten().cloned().collect()
    }

    /// Forgets the rows of a table but these, after all of it was read.
    pub fn retain(&self, table: Table, ids: &[String]) {
        let mut tables = self.tables();
        if let Some(rows) = tables.get_mut(table) {
            rows.retain(|id| ids.contains(id));
            observe(table, rows);
        }
    }

    /// A sentence about all of them.
    pub fn finding(&self) -> Finding {
        let tables = self.tables();
        let counts = tables.iter().map(|(table, rows)| (*table, rows.len())).filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counts.collect();
        let told = counts.iter().map(|(table, count)| match count {
            1 => format!("1 row of {table}"),
            count => format!("{count} rows of {table}"),
        });
        let mut told: Vec<String> = told.collect();
        let Some(last) = told.pop() else { return Finding::Good };
        let rows = if told.is_empty() { last } else { format!("{} and {last}", told.join(", ")) };
        Finding::Degraded(match counts.as_slice() {
            [(_, 1)] => format!("{rows} is not understood, and what it speaks of is closed"),
            _ => format!("{rows} are not understood, and what they speak of is closed"),
        })
    }

    /// [`finding`](Self::finding) for `health/ready`.
    pub fn check(&self, name: impl Into<String>) -> Check {
        let rows = self.clone();
        Check::known(name, move || rows.finding())
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<Table, BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn observe(table: Table, rows: &BTreeSet<String>) {
    metrics::gauge!(ROWS_NOT_UNDERSTOOD, "table" => table).set(rows.len() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: Malformed = Malformed("role");

    #[test]
    fn a_row_is_told_until_it_is_understood() {
        let rows = RowsNotUnderstood::default();
        assert_eq!(rows.finding(), Finding::Good);
        rows.note("accounts.sessions", Some(&1), ROLE);
        rows.note("accounts.sessions", Some(&1), ROLE);
        let told = "1 row of accounts.sessions is not understood, and what it speaks of is closed";
        assert_eq!(rows.finding(), Finding::Degraded(told.to_owned()));
        rows.clear("accounts.sessions", &1);
        assert_eq!(rows.finding(), Finding::Good);
    }

    #[test]
    fn the_rows_of_several_tables_are_told_in_one_sentence() {
        let rows = RowsNotUnderstood::default();
        rows.note("c", Some(&1), ROLE);
        rows.note("b", None, ROLE);
        rows.note("a", Some(&1), ROLE);
        rows.note("a", Some(&2), ROLE);
        let told = "2 rows of a, 1 row of b and 1 row of c are not understood, and what they speak of is closed";
        assert_eq!(rows.finding(), Finding::Degraded(told.to_owned()));
        rows.retain("a", &["2".to_owned()]);
        rows.retain("b", &[]);
        let told = "1 row of a and 1 row of c are not understood, and what they speak of is closed";
        assert_eq!(rows.finding(), Finding::Degraded(told.to_owned()));
    }
}
