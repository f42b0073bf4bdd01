//! A read model that its readers wait for holds up no writer, and shows its readers all that was written before they came.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use projections_engine::{Projection, ProjectionState, Projections};
use tokio::sync::Semaphore;

use crate::tally::Tally;
use crate::{Practice, SOON, patients, state, until};

const A_MOMENT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn readers_wait_for_it_and_writers_do_not() {
    let tally = Tally::for_readers();
    let both = vec![Arc::clone(&tally) as Arc<dyn Projection>, patients()];
    let practice = Practice::with(&both).await;
    let server = Projections::start(practice.log.clone(), both.clone());
    let other = Projections::start(practice.house.open_log().await, both);
    let written = practice.register_many(0..10).await;
    assert!(server.wait_for(written, SOON).await && other.wait_for(written, SOON).await, "a writer waits");
    assert!(!server.catch_up("tally", A_MOMENT).await && !other.catch_up("tally", A_MOMENT).await);

    tally.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    assert!(server.catch_up("tally", SOON).await && other.catch_up("tally", SOON).await);
    let owner = practice.house.owner_client().await;
    let row = owner.query_one("SELECT sum(patients)::bigint FROM read_model.tally", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 10);

    tally.refuses.store(true, Ordering::Relaxed);
    let (_, poison) = practice.register(10).await;
    assert!(server.wait_for(poison, SOON).await && other.wait_for(poison, SOON).await, "a writer waits");
    until(SOON, "it is stopped, on every server", async || {
        [&server, &other].iter().all(|server| matches!(state(server, "tally"), ProjectionState::Stopped { .. }))
    })
    .await;
    let asked = Instant::now();
    assert!(!server.catch_up("tally", SOON).await && !other.catch_up("tally", SOON).await);
    assert!(asked.elapsed() < Duration::from_secs(1), "nobody waits for a projection that is stopped");
    server.stop().await;
    other.stop().await;
}
