//! From a stored row to a [`RecordedEvent`]: decrypted and upcast.

use domain::event::RecordedEvent;
use domain::ids::{EventId, FacilityId, Position, StreamVersion, SubjectId};
use domain::upcasting::Upcasters;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use crate::error::LogError;
use crate::keys::KeyRing;
use crate::sealing::{self, Place};

/// Where the reason of an event without a subject stands in its stored metadata.
pub(crate) const OPEN_REASON: &str = "reason";

/// Keeps the data key that stands in a row of `load_stream.sql` for the write that is likely to follow.
pub(crate) fn keep_data_key(row: &Row, keys: &KeyRing) -> Result<(), LogError> {
    let subject = row.try_get::<_, Option<_>>("subject_id")?.map(SubjectId);
    if let (Some(subject), Some(wrapped)) = (subject, row.try_get::<_, Option<&[u8]>>("wrapped")?)
        && keys.known_data_key(subject).is_none()
    {
        keys.keep_data_key(subject, FacilityId(row.try_get("facility_id")?), row.try_get("master_key_id")?, wrapped)?;
    }
    Ok(())
}

/// Reads one row of `read_forward.sql` or `load_stream.sql`.
pub(crate) fn read(row: &Row, keys: &KeyRing, upcasters: &Upcasters) -> Result<RecordedEvent, LogError> {
    let position: i64 = row.try_get("global_position")?;
    let malformed = |what| LogError::Malformed { position, what };
    let stream = row.try_get::<_, &str>("stream_id")?.parse().map_err(|_| malformed("stream_id"))?;
    let version = StreamVersion::from_sql(row.try_get("stream_version")?);
    let event_type: &str = row.try_get("event_type")?;
    let schema_version =
        u32::try_from(row.try_get::<_, i32>("schema_version")?).map_err(|_| malformed("schema_version"))?;
    let facility_id = FacilityId(row.try_get("facility_id")?);
    let subject_id = row.try_get::<_, Option<_>>("subject_id")?.map(SubjectId);
    let mut payload: Map<String, Value> =
        serde_json::from_str(row.try_get("payload")?).map_err(|_| malformed("payload"))?;

    let metadata: Value = serde_json::from_str(row.try_get("metadata")?).map_err(|_| malformed("metadata"))?;
    let mut reason = metadata.get(OPEN_REASON).and_then(Value::as_str).map(str::to_owned);
    let mut forgotten = false;
    if let (Some(subject), Some(sealed)) = (subject_id, row.try_get::<_, Option<&[u8]>>("sealed")?) {
        match row.try_get::<_, Option<&[u8]>>("wrapped")? {
            Some(wrapped) => {
                let key = match keys.known_data_key(subject) {
                    Some(key) => key,
                    None => keys.unwrap_data_key(subject, facility_id, row.try_get("master_key_id")?, wrapped)?.into(),
                };
                let place = Place { stream: &stream, version, event_type, schema_version, facility_id };
                reason = sealing::open(&key, &place, sealed)?.put_back(&mut payload);
            }
            None => forgotten = true,
        }
    }

    let (schema_version, payload) = upcasters.upcast(event_type, schema_version, Value::Object(payload));
    Ok(RecordedEvent {
        position: Position::from_sql(position),
        event_id: EventId(row.try_get("event_id")?),
        version,
        event_type: event_type.to_owned(),
        schema_version,
        facility_id,
        subject_id,
        recorded_at: row.try_get("recorded_at")?,
        occurred_at: row.try_get("occurred_at")?,
        metadata: serde_json::from_value(metadata).map_err(|_| malformed("metadata"))?,
        reason,
        forgotten,
        payload: payload.into(),
        stream,
    })
}
