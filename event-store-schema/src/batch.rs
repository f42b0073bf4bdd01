//! A batch of appends: which requests may stand in it together ([`Footprint`]), and how they become the columns of one call
//! ([`Columns`]). [`preparing`](crate::preparing) makes the requests, [`appending`](crate::appending) sends the batch.

use std::collections::{HashMap, HashSet};

use domain::event::RecordedEvent;
use domain::scheduling::Interval;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::append::IdempotencyKey;
use crate::keys::WrappedKey;

/// A request as it is sent: encrypted, hashed, and free of contradictions within itself.
pub(crate) struct PreparedAppend {
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) written: Vec<Head>,
    pub(crate) guarded: Vec<Head>,
    pub(crate) events: Vec<PreparedEvent>,
    pub(crate) freed: Vec<FreedKind>,
    pub(crate) keys: Vec<PreparedKey>,
    pub(crate) holds: Vec<PreparedHold>,
    pub(crate) subjects: Vec<PreparedSubject>,
}

/// A stream and the version it has to be at.
pub(crate) struct Head {
    pub(crate) stream: String,
    pub(crate) version: i64,
}

pub(crate) struct PreparedEvent {
    /// As readers will read it, but for what the log adds: its position, and when.
    pub(crate) readable: RecordedEvent,
    pub(crate) id: Uuid,
    pub(crate) stream: String,
    pub(crate) version: i64,
    pub(crate) event_type: String,
    pub(crate) schema_version: i32,
    pub(crate) facility: Uuid,
    pub(crate) subject: Option<Uuid>,
    pub(crate) occurred_at: Option<Timestamp>,
    pub(crate) payload: String,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) metadata: String,
}

pub(crate) struct FreedKind {
    pub(crate) stream: String,
    pub(crate) kind: &'static str,
}

#[derive(Clone)]
pub(crate) struct PreparedKey {
    pub(crate) stream: String,
    pub(crate) kind: &'static str,
    pub(crate) scope: Uuid,
    pub(crate) value: Vec<u8>,
    pub(crate) shared: bool,
}

pub(crate) struct PreparedHold {
    pub(crate) stream: String,
    pub(crate) kind: &'static str,
    pub(crate) resource: Uuid,
    pub(crate) during: Interval,
}

pub(crate) struct PreparedSubject {
    pub(crate) id: Uuid,
    pub(crate) facility: Uuid,
    pub(crate) key: WrappedKey,
}

/// What the requests of a batch touch.
///
/// The database judges each request against what was committed before the batch. So two requests never share a batch if one
/// changes what the other is judged on.
#[derive(Default)]
pub(crate) struct Footprint {
    written: HashSet<String>,
    guarded: HashSet<String>,
    keys: HashSet<(&'static str, Uuid, Vec<u8>)>,
    holds: HashMap<Uuid, Vec<Interval>>,
    idempotency: HashSet<(Uuid, String)>,
}

impl Footprint {
    /// Adds the request's footprint, unless it meets one that is already there.
    pub(crate) fn try_add(&mut self, request: &PreparedAppend) -> bool {
        if self.meets(request) {
            return false;
        }
        self.written.extend(request.written.iter().map(|head| head.stream.clone()));
        self.guarded.extend(request.guarded.iter().map(|head| head.stream.clone()));
        self.keys.extend(request.keys.iter().map(|key| (key.kind, key.scope, key.value.clone())));
        for hold in &request.holds {
            self.holds.entry(hold.resource).or_default().push(hold.during);
        }
        self.idempotency.extend(request.idempotency.iter().map(|key| (key.scope, key.key.clone())));
        true
    }

    fn meets(&self, request: &PreparedAppend) -> bool {
        request.written.iter().any(|head| self.written.contains(&head.stream) || self.guarded.contains(&head.stream))
            || request.guarded.iter().any(|head| self.written.contains(&head.stream))
            || request.keys.iter().any(|key| self.keys.contains(&(key.kind, key.scope, key.value.clone())))
            || request.holds.iter().any(|hold| {
                let taken = self.holds.get(&hold.resource);
                taken.is_some_and(|taken| taken.iter().any(|during| during.overlaps(hold.during)))
            })
            || request.idempotency.iter().any(|key| self.idempotency.contains(&(key.scope, key.key.clone())))
    }
}

/// Declares the columns of the call once: their types, and their order as parameters of `append.sql`.
macro_rules! columns {
    ($($name:ident: $kind:ty),* $(,)?) => {
        /// The requests of a batch, column by column: the parameters of `append.sql`.
        #[derive(Default)]
        pub(crate) struct Columns<'a> {
            $($name: Vec<$kind>,)*
        }

        impl Columns<'_> {
            /// The columns as parameters, in the order of the call.
            pub(crate) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
                vec![$(&self.$name),*]
            }
        }
    };
}

columns! {
    request_scopes: Option<Uuid>,
    request_keys: Option<&'a str>,
    request_hashes: Option<&'a [u8]>,
    head_requests: i32,
    head_streams: &'a str,
    head_versions: i64,
    event_requests: i32,
    event_ids: Uuid,
    event_streams: &'a str,
    event_versions: i64,
    event_types: &'a str,
    event_schemas: i32,
    event_facilities: Uuid,
    event_subjects: Option<Uuid>,
    event_times: Option<Timestamp>,
    event_payloads: &'a str,
    event_seals: Option<&'a [u8]>,
    event_metadata: &'a str,
    freed_requests: i32,
    freed_streams: &'a str,
    freed_kinds: &'a str,
    key_requests: i32,
    key_streams: &'a str,
    key_kinds: &'a str,
    key_scopes: Uuid,
    key_values: &'a [u8],
    key_shared: bool,
    hold_requests: i32,
    hold_streams: &'a str,
    hold_kinds: &'a str,
    hold_resources: Uuid,
    hold_starts: Timestamp,
    hold_ends: Timestamp,
    subject_requests: i32,
    subject_ids: Uuid,
    subject_facilities: Uuid,
    subject_master_keys: &'a str,
    subject_keys: &'a [u8],
}

impl<'a> Columns<'a> {
    /// The columns of these requests, which are numbered from 1.
    pub(crate) fn of(requests: impl IntoIterator<Item = &'a PreparedAppend>) -> Self {
        let mut columns = Self::default();
        for (number, request) in (1..).zip(requests) {
            columns.add(number, request);
        }
        columns
    }

    fn add(&mut self, number: i32, request: &'a PreparedAppend) {
        let key = request.idempotency.as_ref();
        self.request_scopes.push(key.map(|key| key.scope));
        self.request_keys.push(key.map(|key| key.key.as_str()));
        self.request_hashes.push(key.map(|key| key.request_hash.as_slice()));
        for head in request.written.iter().chain(&request.guarded) {
            self.head_requests.push(number);
            self.head_streams.push(&head.stream);
            self.head_versions.push(head.version);
        }
        for event in &request.events {
            self.event_requests.push(number);
            self.event_ids.push(event.id);
            self.event_streams.push(&event.stream);
            self.event_versions.push(event.version);
            self.event_types.push(&event.event_type);
            self.event_schemas.push(event.schema_version);
            self.event_facilities.push(event.facility);
            self.event_subjects.push(event.subject);
            self.event_times.push(event.occurred_at);
            self.event_payloads.push(&event.payload);
            self.event_seals.push(event.sealed.as_deref());
            self.event_metadata.push(&event.metadata);
        }
        for freed in &request.freed {
            self.freed_requests.push(number);
            self.freed_streams.push(&freed.stream);
            self.freed_kinds.push(freed.kind);
        }
        for key in &request.keys {
            self.key_requests.push(number);
            self.key_streams.push(&key.stream);
            self.key_kinds.push(key.kind);
            self.key_scopes.push(key.scope);
            self.key_values.push(&key.value);
            self.key_shared.push(key.shared);
        }
        for hold in &request.holds {
            self.hold_requests.push(number);
            self.hold_streams.push(&hold.stream);
            self.hold_kinds.push(hold.kind);
            self.hold_resources.push(hold.resource);
            self.hold_starts.push(hold.during.from);
            self.hold_ends.push(hold.during.until);
        }
        for subject in &request.subjects {
            self.subject_requests.push(number);
            self.subject_ids.push(subject.id);
            self.subject_facilities.push(subject.facility);
            self.subject_master_keys.push(&subject.key.master_key_id);
            self.subject_keys.push(&subject.key.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
