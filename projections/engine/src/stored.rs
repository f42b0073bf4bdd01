//! Documents as read models hold them: JSON text that goes from the row to the answer without being parsed.

use std::error::Error;
use std::fmt;

use domain::ids::StreamVersion;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};

/// A cell of a row is not what this release writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a read model holds a row that cannot be read: {0}")]
pub struct Malformed(
    /// The table and the column.
    pub &'static str,
);

/// A document of a read model, as it is sent.
#[derive(Clone)]
pub struct Stored<I> {
    /// The id of what it shows.
    pub id: I,
    /// The version that it shows.
    pub version: StreamVersion,
    /// The text.
    pub document: Box<RawValue>,
}

impl<I> Stored<I> {
    /// The document in a column of a row, and the row's `version`. `name` stands in the error.
    pub fn from_row(row: &Row, id: I, column: &str, name: &'static str) -> Result<Self, Malformed> {
        let version = row.try_get("version").map_err(|_| Malformed(name))?;
        Ok(Self { id, version: StreamVersion::from_sql(version), document: json_cell(row, column, name)? })
    }

    /// The document as a value of the program, for code that needs a field of it. The error quotes nothing of it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_str(self.document.get()).map_err(|_| Malformed("a stored document"))
    }
}

/// The document may be personal, so a debug print names id and version alone.
impl<I: fmt::Debug> fmt::Debug for Stored<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({:?}, version {})", self.id, self.version)
    }
}

/// Two are equal if their texts are.
impl<I: PartialEq> PartialEq for Stored<I> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.version, self.document.get()) == (&other.id, other.version, other.document.get())
    }
}

/// As the document, so that a page can hold it.
impl<I> Serialize for Stored<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

/// The value in a cell of the type `json` or `jsonb`, read from its text at once. `name` stands in the error.
pub fn json_cell<T: DeserializeOwned>(row: &Row, column: &str, name: &'static str) -> Result<T, Malformed> {
    let JsonText(text) = row.try_get(column).map_err(|_| Malformed(name))?;
    serde_json::from_slice(text).map_err(|_| Malformed(name))
}

/// The same of a cell that may be NULL.
pub fn optional_json_cell<T: DeserializeOwned>(
    row: &Row,
    column: &str,
    name: &'static str,
) -> Result<Option<T>, Malformed> {
    let text: Option<JsonText<'_>> = row.try_get(column).map_err(|_| Malformed(name))?;
    text.map(|JsonText(text)| serde_json::from_slice(text).map_err(|_| Malformed(name))).transpose()
}

/// The bytes of a cell.
struct JsonText<'a>(&'a [u8]);

impl<'a> FromSql<'a> for JsonText<'a> {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match (column, raw) {
            // The binary form of jsonb has a version before its text.
            (&Type::JSONB, [1, text @ ..]) => Ok(Self(text)),
            (&Type::JSONB, _) => Err("an unknown form of jsonb".into()),
            (_, text) => Ok(Self(text)),
        }
    }

    accepts!(JSON, JSONB);
}
