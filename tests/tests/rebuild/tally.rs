//! A made-up projection: how many patients each practice has registered. It can be told to refuse an event, to panic, or to wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::event::RecordedEvent;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// It has a table of another name and form in each version.
pub struct Tally {
    version: u32,
    pub refuses: AtomicBool,
    pub panics: AtomicBool,
    for_readers: bool,
    /// A permit for each batch that may be applied.
    pub gate: Semaphore,
}

impl Tally {
    pub fn version(version: u32) -> Arc<Self> {
        Arc::new(Self::new(version, false, Semaphore::MAX_PERMITS))
    }

    pub fn behind_a_gate(version: u32) -> Arc<Self> {
        Arc::new(Self::new(version, false, 0))
    }

    /// Behind a gate, and its readers wait for it.
    pub fn for_readers() -> Arc<Self> {
        Arc::new(Self::new(1, true, 0))
    }

    fn new(version: u32, for_readers: bool, permits: usize) -> Self {
        Self { version, refuses: false.into(), panics: false.into(), for_readers, gate: Semaphore::new(permits) }
    }
}

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn tables(&self) -> &'static [&'static str] {
        if self.version == 1 { &["tally"] } else { &["tally_by_kind"] }
    }

    fn schema(&self) -> &'static str {
        if self.version == 1 {
            "CREATE TABLE tally (facility_id uuid PRIMARY KEY, patients bigint NOT NULL)"
        } else {
            "CREATE TABLE tally_by_kind (facility_id uuid, kind text, patients bigint NOT NULL,
                                         PRIMARY KEY (facility_id, kind))"
        }
    }

    fn takes(&self, event_type: &str) -> bool {
        event_type == "PatientRegistered"
    }

    fn is_awaited_by_readers(&self) -> bool {
        self.for_readers
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            self.gate.acquire().await.expect("it is never closed").forget();
            if let Some(event) = events.first().filter(|_| self.refuses.load(Ordering::Relaxed)) {
                return Err(ProjectionError::OutOfStep { position: event.position });
            }
            assert!(!self.panics.load(Ordering::Relaxed), "a bug");
            let mut counts: HashMap<Uuid, i64> = HashMap::new();
            for event in events {
                *counts.entry(event.facility_id.0).or_default() += 1;
            }
            let (facilities, counts): (Vec<_>, Vec<_>) = counts.into_iter().unzip();
            let add = if self.version == 1 {
                "INSERT INTO tally AS t SELECT * FROM unnest($1::uuid[], $2::bigint[])
                 ON CONFLICT (facility_id) DO UPDATE SET patients = t.patients + excluded.patients"
            } else {
                "INSERT INTO tally_by_kind AS t SELECT f, 'registered', n FROM unnest($1::uuid[], $2::bigint[]) u(f, n)
                 ON CONFLICT (facility_id, kind) DO UPDATE SET patients = t.patients + excluded.patients"
            };
            tx.execute(add, &[&facilities, &counts]).await?;
            Ok(())
        }
        .boxed()
    }
}
