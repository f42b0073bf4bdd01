//! Who leads a projection when its leader goes away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use projections::patients::Patients;
use projections_engine::rebuild::verify;
use projections_engine::{ProjectionState, Projections};
use tokio::sync::oneshot;

use crate::{Practice, SOON, patients, register, state, until};

/// A lease of five seconds, and a second until the next campaign, on a machine that has other things to do.
const TAKEN_OVER: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_is_replaced_within_seconds_and_writes_nothing_when_it_wakes() {
    let practice = Practice::with(&[patients()]).await;
    let (leader, thread, freeze) = a_server_that_can_freeze(&practice).await;
    until(SOON, "it leads", async || state(&leader, "patients") == ProjectionState::Leading).await;
    let other = Projections::start(practice.log.clone(), vec![patients()]);
    let position = practice.register_many(0..20).await;
    assert!(other.wait_for(position, SOON).await);

    let frozen = Instant::now();
    freeze.send(Duration::from_secs(12)).expect("it runs");
    // Under load, so that it freezes in the middle of its work as often as not.
    for number in 20..30 {
        practice.register(number).await;
    }
    until(TAKEN_OVER, "the other leads", async || state(&other, "patients") == ProjectionState::Leading).await;
    assert!(frozen.elapsed() < TAKEN_OVER, "{:?}", frozen.elapsed());
    let position = practice.register_many(30..60).await;
    assert!(other.wait_for(position, SOON).await);

    tokio::time::sleep(Duration::from_secs(13).saturating_sub(frozen.elapsed())).await;
    let (_, position) = practice.register(60).await;
    assert!(other.wait_for(position, SOON).await);
    until(SOON, "it knows that it was replaced", async || state(&leader, "patients") == ProjectionState::Following)
        .await;
    assert_eq!(state(&other, "patients"), ProjectionState::Leading);
    let report = verify(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    other.stop().await;
    drop(leader);
    thread.join().expect("it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_loses_its_session_is_replaced_at_once() {
    let practice = Practice::with(&[patients()]).await;
    let server = Projections::start(practice.log.clone(), vec![patients()]);
    let other = Projections::start(practice.house.open_log().await, vec![patients()]);
    let owner = practice.house.owner_client().await;
    let leads = |projections: &Projections| state(projections, "patients") == ProjectionState::Leading;
    for number in 0..3 {
        until(SOON, "one of them leads", async || leads(&server) != leads(&other)).await;
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
                   WHERE locktype = 'advisory' AND granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(owner.query_one(end, &[]).await.unwrap().get::<_, i64>(0), 1);
        let (_, position) = register(&practice.commands, practice.facility, number).await;
        assert!(server.wait_for(position, Duration::from_secs(4)).await);
        assert!(other.wait_for(position, Duration::from_secs(4)).await);
    }
    server.stop().await;
    other.stop().await;
}

/// A server of one thread, which stands still for as long as it is told to. It ends when its handle is dropped.
async fn a_server_that_can_freeze(
    practice: &Practice,
) -> (Projections, std::thread::JoinHandle<()>, oneshot::Sender<Duration>) {
    let (freeze, frozen) = oneshot::channel();
    let (started, projections) = oneshot::channel();
    let house = Arc::clone(&practice.house);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Projections::start(house.open_log().await, vec![patients()]);
            let _ = started.send(server.clone());
            if let Ok(time) = frozen.await {
                // The only thread of the runtime: nothing of this server runs meanwhile.
                std::thread::sleep(time);
            }
            tokio::time::sleep(Duration::from_secs(6)).await;
            server.stop().await;
        });
    });
    (projections.await.expect("it starts"), thread, freeze)
}
