//! From a stored row to a [`RecordedEvent`]: decrypted and upcast.

use domain::event::RecordedEvent;
use domain::ids::{EventId, FacilityId, Position, SubjectId};
use domain::upcasting::Upcasters;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use crate::cell::{Cells, Malformed};
use crate::error::LogError;
use crate::keys::KeyRing;
use crate::sealing::{self, Place};

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
