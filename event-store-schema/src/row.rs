//! Cells of rows, and from a stored row to a [`RecordedEvent`]: decrypted and upcast.
//!
//! A cell that this release does not understand is a [`Malformed`] row, never a panic, and never taken for an outage.

use domain::event::RecordedEvent;
use domain::ids::{EventId, FacilityId, Position, StreamId, StreamVersion, SubjectId};
use domain::upcasting::Upcasters;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::LogError;
use crate::keys::KeyRing;
use crate::sealing::{self, Place};

/// A part of a row that this release does not understand: the name of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not understood")]
pub struct Malformed(pub &'static str);

/// Of a row that has no position in the log.
impl From<Malformed> for LogError {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed { position: 0, what }
    }
}

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

/// Where the reason of an event without a subject stands in its stored metadata.
pub(crate) const OPEN_REASON: &str = "reason";

/// Keeps the data key that stands in a row of `load_stream.sql` for the write that is likely to follow.
pub(crate) fn keep_data_key(row: &Row, keys: &KeyRing) -> Result<(), LogError> {
    let subject = row.cell::<Option<_>>("subject_id")?.map(SubjectId);
    if let (Some(subject), Some(wrapped)) = (subject, row.cell::<Option<&[u8]>>("wrapped")?)
        && keys.known_data_key(subject).is_none()
    {
        keys.keep_data_key(subject, FacilityId(row.cell("facility_id")?), row.cell("master_key_id")?, wrapped)?;
    }
    Ok(())
}

/// Reads one row of `read_forward.sql` or `load_stream.sql`.
pub(crate) fn read(row: &Row, keys: &KeyRing, upcasters: &Upcasters) -> Result<RecordedEvent, LogError> {
    let position = row.position("global_position")?;
    read_at(position, row, keys, upcasters).map_err(|error| match error {
        LogError::Malformed { what, .. } => LogError::Malformed { position: position.to_sql(), what },
        error => error,
    })
}

fn read_at(position: Position, row: &Row, keys: &KeyRing, upcasters: &Upcasters) -> Result<RecordedEvent, LogError> {
    let stream = row.stream("stream_id")?;
    let version = row.version("stream_version")?;
    let event_type: &str = row.cell("event_type")?;
    let schema_version = u32::try_from(row.cell::<i32>("schema_version")?).map_err(|_| Malformed("schema_version"))?;
    let facility_id = FacilityId(row.cell("facility_id")?);
    let subject_id = row.cell::<Option<_>>("subject_id")?.map(SubjectId);
    let mut payload: Map<String, Value> =
        serde_json::from_str(row.cell("payload")?).map_err(|_| Malformed("payload"))?;

    let metadata: Value = serde_json::from_str(row.cell("metadata")?).map_err(|_| Malformed("metadata"))?;
    let mut reason = metadata.get(OPEN_REASON).and_then(Value::as_str).map(str::to_owned);
    let mut forgotten = false;
    if let (Some(subject), Some(sealed)) = (subject_id, row.cell::<Option<&[u8]>>("sealed")?) {
        match row.cell::<Option<&[u8]>>("wrapped")? {
            Some(wrapped) => {
                let key = match keys.known_data_key(subject) {
                    Some(key) => key,
                    None => keys.unwrap_data_key(subject, facility_id, row.cell("master_key_id")?, wrapped)?.into(),
                };
                let place = Place { stream: &stream, version, event_type, schema_version, facility_id };
                reason = sealing::open(&key, &place, sealed)?.put_back(&mut payload);
            }
            None => forgotten = true,
        }
    }

    let (schema_version, payload) = upcasters.upcast(event_type, schema_version, Value::Object(payload));
    Ok(RecordedEvent {
        position,
        event_id: EventId(row.cell("event_id")?),
        version,
        event_type: event_type.to_owned(),
        schema_version,
        facility_id,
        subject_id,
        recorded_at: row.cell("recorded_at")?,
        occurred_at: row.cell("occurred_at")?,
        metadata: serde_json::from_value(metadata).map_err(|_| Malformed("metadata"))?,
        reason,
        forgotten,
        payload: payload.into(),
        stream,
    })
}
