//! By which clock each practice goes, once a server has looked it up.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use domain::ids::FacilityId;
use jiff::tz::TimeZone;
use lru::LruCache;

/// The time zones of practices, once looked up.
pub(crate) struct PracticeClock(Mutex<LruCache<FacilityId, TimeZone>>);

impl Default for PracticeClock {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(NonZeroUsize::new(10_000).expect("not zero"))))
    }
}

impl PracticeClock {
    pub(crate) fn zone(&self, facility: FacilityId) -> Option<TimeZone> {
        let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        zones.get(&facility).cloned()
    }

    pub(crate) fn remember(&self, facility: FacilityId, zone: TimeZone) {
        let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        zones.put(facility, zone);
    }
}
