//! Cells of rows. One that this release does not understand makes a [`Malformed`] row: never a panic, and never taken for an
//! outage.

use domain::ids::{Position, StreamId, StreamVersion};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// A part of a row that this release does not understand: the name of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not understood")]
pub struct Malformed(pub &'static str);

/// Reads the cells of a row by the names of their columns. An error quotes nothing of the row.
pub trait Cells {
    /// The cell of a column.
    fn cell<'a, T: FromSql<'a>>(&'a self, column: &'static str) -> Result<T, Malformed>;

    /// A position at which something stands: never zero.
    fn position(&self, column: &'static str) -> Result<Position, Malformed> {
        match u64::try_from(self.cell::<i64>(column)?) {
            Ok(0) | Err(_) => Err(Malformed(column)),
            Ok(position) => Ok(Position::from(position)),
        }
    }

    /// A version of a stream.
    fn version(&self, column: &'static str) -> Result<StreamVersion, Malformed> {
        u64::try_from(self.cell::<i64>(column)?).map(StreamVersion::from).map_err(|_| Malformed(column))
    }

    /// The name of a stream.
    fn stream(&self, column: &'static str) -> Result<StreamId, Malformed> {
        self.cell::<&str>(column)?.parse().map_err(|_| Malformed(column))
    }
}

impl Cells for Row {
    fn cell<'a, T: FromSql<'a>>(&'a self, column: &'static str) -> Result<T, Malformed> {
        self.try_get(column).map_err(|_| Malformed(column))
    }
}
