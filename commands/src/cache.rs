//! Remembers aggregates by stream and version, within bounds. A stale one costs a retry, never a wrong decision. The log
//! checks the version of an append, and a refusal counts only on the fresh state.

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

/// Patients who could be booked at the last look, each with the version of their file. A booking needs no more of them. So
/// there is room for all patients that a practice sees in a year. The guard finds a stale one.
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
