//! A bounded memory of aggregates by stream and version. A stale one costs a retry, never a wrong decision: the log
//! checks versions, and a refusal is repeated on the fresh state before it is believed.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use domain::aggregate::AggregateRoot;
use domain::ids::{FacilityId, PatientId, StreamId, StreamVersion};
use lru::LruCache;

use crate::loaded::Loaded;

/// Aggregates of all types.
pub(crate) struct AggregateCache(Mutex<LruCache<StreamId, Box<dyn Any + Send>>>);

impl AggregateCache {
    /// At most `capacity` aggregates, the least used of which go first.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(capacity)))
    }

    pub(crate) fn get<A: AggregateRoot>(&self, stream: &StreamId) -> Option<Loaded<A>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cache.get(stream)?.downcast_ref::<Loaded<A>>().cloned();
        metrics::counter!("aggregate_cache_hits_total").increment(u64::from(found.is_some()));
        found
    }

    /// Keeps the newer of what is there and what is given.
    pub(crate) fn put<A: AggregateRoot>(&self, stream: &StreamId, loaded: &Loaded<A>) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer_there = cache
            .peek(stream)
            .and_then(|entry| entry.downcast_ref::<Loaded<A>>())
            .is_some_and(|there| there.version > loaded.version);
        if !newer_there {
            cache.put(stream.clone(), Box::new(loaded.clone()));
        }
    }
}

/// Patients who could be booked when they were looked at last, and at which version of their file. A booking needs no more of
/// them, and this is so little that there is room for all whom a practice sees in a year. A stale one is found by its guard.
pub(crate) struct BookablePatients(Mutex<LruCache<PatientId, (FacilityId, StreamVersion)>>);

impl BookablePatients {
    /// At most `capacity` patients, the least used of whom go first.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(capacity)))
    }

    /// The version of a patient's file in this practice.
    pub(crate) fn version(&self, facility: FacilityId, patient: PatientId) -> Option<StreamVersion> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&patient).filter(|(owner, _)| *owner == facility).map(|(_, version)| *version)
    }

    pub(crate) fn put(&self, facility: FacilityId, patient: PatientId, version: StreamVersion) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(patient, (facility, version));
    }
}
