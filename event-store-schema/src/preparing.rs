//! From an [`AppendRequest`] to a [`PreparedAppend`]: encrypted, hashed and checked in the task that asks.
//!
//! The one task that commits is every request's bottleneck, so it does none of this work.

use std::collections::HashSet;

use domain::event::{EventMetadata, RecordedEvent};
use domain::ids::{FacilityId, Position, StreamId, StreamVersion};
use domain::reservation::{KeyKind, KeyScope, Reservation, TimeHold, UniqueKey};
use domain::upcasting::Upcasters;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::append::{AppendRequest, StreamAppend};
use crate::batch::{FreedKind, Head, PreparedAppend, PreparedEvent, PreparedHold, PreparedKey, PreparedSubject};
use crate::error::{AppendError, LogError};
use crate::keys::KeyRing;
use crate::row;
use crate::sealing::{self, PersonalPart, Place};

/// What requests are prepared with.
pub(crate) struct Preparing<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) upcasters: &'a Upcasters,
}

impl Preparing<'_> {
    /// The request as it is sent, if it does not contradict itself.
    pub(crate) async fn prepare(&self, request: AppendRequest) -> Result<PreparedAppend, AppendError> {
        let AppendRequest { streams, guards, metadata, reason, idempotency } = request;
        if streams.is_empty() || streams.iter().any(|stream| stream.events.is_empty()) {
            return Err(AppendError::Invalid("there is nothing to write".to_owned()));
        }
        let mut seen = HashSet::new();
        if !streams.iter().all(|stream| seen.insert(&stream.stream)) {
            return Err(AppendError::Invalid("a stream is named twice".to_owned()));
        }
        let guarded = guards
            .into_iter()
            .filter(|guard| !seen.contains(&guard.stream))
            .map(|guard| Head { stream: guard.stream.to_string(), version: guard.version.to_sql() })
            .collect();
        let mut prepared = PreparedAppend {
            idempotency,
            written: Vec::with_capacity(streams.len()),
            guarded,
            events: Vec::new(),
            freed: Vec::new(),
            keys: Vec::new(),
            holds: Vec::new(),
            subjects: Vec::new(),
        };
        let typed_metadata = metadata;
        let metadata = serde_json::to_value(&typed_metadata)
            .map_err(|error| AppendError::Invalid(format!("metadata: {error}")))?;
        for stream in streams {
            self.prepare_stream(&mut prepared, stream, &typed_metadata, &metadata, reason.as_deref()).await?;
        }
        Ok(prepared)
    }

    async fn prepare_stream(
        &self,
        prepared: &mut PreparedAppend,
        write: StreamAppend,
        typed_metadata: &EventMetadata,
        metadata: &Value,
        reason: Option<&str>,
    ) -> Result<(), AppendError> {
        let StreamAppend { stream, expected, facility_id, subject_id, new_subject, events } = write;
        prepared.written.push(Head { stream: stream.to_string(), version: expected.to_sql() });
        let key = match subject_id {
            Some(subject) if new_subject => {
                let (key, wrapped) = self.keys.new_data_key(subject, facility_id).map_err(LogError::from)?;
                prepared.subjects.push(PreparedSubject { id: subject.0, facility: facility_id.0, key: wrapped });
                Some(key)
            }
            Some(subject) => Some(self.keys.data_key(subject, facility_id).await?),
            None => None,
        };
        let mut metadata = metadata.clone();
        if key.is_none()
            && let Some(reason) = reason
        {
            metadata[row::OPEN_REASON] = reason.into();
        }
        let metadata = metadata.to_string();
        let mut reservations = Vec::new();
        for (step, mut event) in (1..).zip(events) {
            let version = expected.plus(step);
            let personal = PersonalPart::take(&mut event.payload, reason.filter(|_| key.is_some()));
            let (schema_version, payload) = {
                let mut payload = event.payload.clone();
                personal.clone().put_back(&mut payload);
                self.upcasters.upcast(&event.event_type, event.schema_version, Value::Object(payload))
            };
            let readable = RecordedEvent {
                position: Position::ZERO,
                event_id: event.event_id,
                stream: stream.clone(),
                version,
                event_type: event.event_type.clone(),
                schema_version,
                facility_id,
                subject_id,
                recorded_at: Timestamp::UNIX_EPOCH,
                occurred_at: Timestamp::UNIX_EPOCH,
                metadata: typed_metadata.clone(),
                reason: reason.map(str::to_owned),
                forgotten: false,
                payload: payload.into(),
            };
            let sealed = match &key {
                _ if personal.is_empty() => None,
                Some(key) => {
                    let place = Place {
                        stream: &stream,
                        version,
                        event_type: &event.event_type,
                        schema_version: event.schema_version,
                        facility_id,
                    };
                    Some(sealing::seal(key, &place, &personal).map_err(LogError::from)?)
                }
                None => {
                    let what = format!("{} has personal content and no subject", event.event_type);
                    return Err(AppendError::Invalid(what));
                }
            };
            reservations.extend(event.reservations);
            prepared.events.push(PreparedEvent {
                readable,
                id: event.event_id.0,
                stream: stream.to_string(),
                version: version.to_sql(),
                event_type: event.event_type,
                schema_version: i32::try_from(event.schema_version)
                    .map_err(|_| AppendError::Invalid("schema version".to_owned()))?,
                facility: facility_id.0,
                subject: subject_id.map(|subject| subject.0),
                // PostgreSQL keeps microseconds.
                occurred_at: event.occurred_at.map(whole_microseconds),
                payload: Value::Object(event.payload).to_string(),
                sealed,
                metadata: metadata.clone(),
            });
        }
        let new = expected == StreamVersion::ZERO;
        self.prepare_reservations(prepared, &stream, new, facility_id, reservations)
    }

    /// If several events reserve the same kind, the last one counts.
    fn prepare_reservations(
        &self,
        prepared: &mut PreparedAppend,
        stream: &StreamId,
        new: bool,
        facility_id: FacilityId,
        reservations: Vec<Reservation>,
    ) -> Result<(), AppendError> {
        let mut decided = HashSet::new();
        for reservation in reservations.into_iter().rev() {
            let kind = match &reservation {
                Reservation::Keys { kind, .. } => kind.name(),
                Reservation::Times { kind, .. } => kind.name(),
            };
            if !decided.insert(kind) {
                continue;
            }
            // A new stream holds nothing.
            if !new {
                prepared.freed.push(FreedKind { stream: stream.to_string(), kind });
            }
            match reservation {
                Reservation::Keys { kind, keys } => {
                    let keys = keys.into_iter().map(|key| self.prepare_key(stream, facility_id, kind, key));
                    prepared.keys.extend(keys);
                }
                Reservation::Times { kind, holds } => {
                    for TimeHold { resource, during, shared } in joined(holds)? {
                        let kind = if shared { kind.shared_name() } else { kind.name() };
                        prepared.holds.push(PreparedHold { stream: stream.to_string(), kind, resource, during });
                    }
                }
            }
        }
        let mut taken = HashSet::new();
        prepared.keys.retain(|key| taken.insert((key.kind, key.scope, key.value.clone())));
        Ok(())
    }

    fn prepare_key(&self, stream: &StreamId, facility: FacilityId, kind: KeyKind, key: UniqueKey) -> PreparedKey {
        let scope = match key.scope {
            KeyScope::Facility => facility.0,
            KeyScope::Everywhere => Uuid::nil(),
        };
        let value = if kind.is_personal() {
            let field = format!("{} {}", kind.name(), scope);
            self.keys.lookup_hash(&field, &key.value).to_vec()
        } else {
            key.value.into_bytes()
        };
        PreparedKey { stream: stream.to_string(), kind: kind.name(), scope, value, shared: key.shared }
    }
}

fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// One stream's holds. Holds of one resource that overlap or touch become one, so that a stream never conflicts with itself.
fn joined(mut holds: Vec<TimeHold>) -> Result<Vec<TimeHold>, AppendError> {
    holds.sort_by_key(|hold| (hold.resource, hold.shared, hold.during.from));
    let mut result: Vec<TimeHold> = Vec::with_capacity(holds.len());
    for hold in holds {
        if hold.during.from >= hold.during.until {
            return Err(AppendError::Invalid("a hold ends before it begins".to_owned()));
        }
        match result.last_mut() {
            Some(last)
                if (last.resource, last.shared) == (hold.resource, hold.shared)
                    && hold.during.from <= last.during.until =>
            {
                last.during.until = last.during.until.max(hold.during.until);
            }
            _ => result.push(hold),
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use domain::scheduling::Interval;
    use jiff::Timestamp;

    use super::*;

    fn hold(resource: u128, from: i64, to: i64) -> TimeHold {
        let during = Interval { from: Timestamp::constant(from, 0), until: Timestamp::constant(to, 0) };
        TimeHold { resource: Uuid::from_u128(resource), during, shared: false }
    }

    #[test]
    fn overlapping_holds_of_one_stream_are_joined() {
        let holds = vec![hold(1, 20, 30), hold(1, 0, 10), hold(1, 5, 20), hold(2, 0, 5), hold(1, 40, 50)];
        let joined = joined(holds).expect("all end after they begin");
        assert_eq!(joined, [hold(1, 0, 30), hold(1, 40, 50), hold(2, 0, 5)]);
    }

    #[test]
    fn a_hold_that_ends_before_it_begins_is_refused() {
        assert!(joined(vec![hold(1, 10, 10)]).is_err());
    }
}
