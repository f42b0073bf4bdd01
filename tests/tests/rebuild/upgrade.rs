//! A new release brings its read models along, and the others go on.

use std::sync::Arc;
use std::time::Duration;

use projections_engine::rebuild::{RebuildError, rebuild, verify};
use projections_engine::{Projection, ProjectionState, Projections};

use crate::tally::Tally;
use crate::{Practice, SOON, patients, state, until};

async fn shown(practice: &Practice, query: &str) -> Option<i64> {
    practice.house.owner_client().await.query_one(query, &[]).await.ok().map(|row| row.get(0))
}

const OLD: &str = "SELECT sum(patients)::bigint FROM read_model.tally";
const NEW: &str = "SELECT sum(patients)::bigint FROM read_model.tally_by_kind";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_fills_its_tables_beside_the_old_ones_and_swaps_them() {
    let old = vec![Tally::version(1) as Arc<dyn Projection>, patients()];
    let practice = Practice::with(&old).await;
    let old_server = Projections::start(practice.log.clone(), old);
    let position = practice.register_many(0..20).await;
    assert!(old_server.wait_for(position, SOON).await);

    let tally = Tally::behind_a_gate(2);
    let new = vec![Arc::clone(&tally) as Arc<dyn Projection>, patients()];
    projections_engine::install(&practice.house.owner, &new).await.unwrap();
    let new_log = practice.house.open_log().await;
    let new_server = Projections::start_as_owner(new_log, practice.house.owner.clone(), new);
    until(SOON, "it rebuilds", async || state(&new_server, "tally") == ProjectionState::Rebuilding).await;

    // Meanwhile the old tables are read and written as ever, and the other read model is shown by both servers.
    let (_, position) = practice.register(20).await;
    assert!(old_server.wait_for(position, SOON).await);
    assert_eq!(shown(&practice, OLD).await, Some(21));
    until(SOON, "the other read model follows", async || {
        new_server.status().iter().any(|status| status.name == "patients" && status.position >= position)
    })
    .await;
    let waited = std::time::Instant::now();
    assert!(!new_server.wait_for(position, SOON).await, "nobody waits for a rebuild");
    assert!(waited.elapsed() < Duration::from_secs(1));

    tally.gate.add_permits(1_000);
    until(SOON, "it is swapped", async || {
        matches!(state(&new_server, "tally"), ProjectionState::Leading | ProjectionState::Following)
    })
    .await;
    let (_, position) = practice.register(21).await;
    assert!(new_server.wait_for(position, SOON).await);
    assert_eq!((shown(&practice, OLD).await, shown(&practice, NEW).await), (None, Some(22)));
    until(SOON, "the old server knows", async || {
        matches!(state(&old_server, "tally"), ProjectionState::Stopped { reason, .. } if reason.contains("newer release"))
    })
    .await;
    old_server.stop().await;

    let report = verify(&practice.log, &practice.house.owner, tally.as_ref(), |_| {}).await.unwrap();
    assert!(report.differences.is_empty());
    let older = verify(&practice.log, &practice.house.owner, Tally::version(1).as_ref(), |_| {}).await;
    assert!(matches!(older, Err(RebuildError::OtherVersion { found: 2, ours: 1 })), "{older:?}");
    new_server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_release_takes_its_read_model_back_only_when_told_to() {
    let practice = Practice::with(&[Tally::version(2)]).await;
    practice.register_many(0..5).await;
    let (owner, back) = (practice.house.owner.clone(), Tally::version(1));
    let server = Projections::start_as_owner(practice.log.clone(), owner.clone(), vec![Arc::clone(&back) as _]);
    until(SOON, "it sees a newer one", async || matches!(state(&server, "tally"), ProjectionState::Stopped { .. }))
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shown(&practice, OLD).await, None);

    rebuild(&practice.log, &owner, back.as_ref(), |_| {}).await.unwrap();
    until(SOON, "it leads", async || state(&server, "tally") == ProjectionState::Leading).await;
    assert_eq!(shown(&practice, OLD).await, Some(5));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_projection_is_filled_from_the_beginning_while_the_others_go_on() {
    let practice = Practice::with(&[patients()]).await;
    let position = practice.register_many(0..30).await;
    let old_server = Projections::start(practice.log.clone(), vec![patients()]);
    assert!(old_server.wait_for(position, SOON).await);

    let both = vec![Tally::version(1) as Arc<dyn Projection>, patients()];
    projections_engine::install(&practice.house.owner, &both).await.unwrap();
    let new_server = Projections::start(practice.house.open_log().await, both);
    let (_, position) = practice.register(30).await;
    assert!(old_server.wait_for(position, SOON).await);
    assert!(new_server.wait_for(position, SOON).await);
    assert_eq!(shown(&practice, OLD).await, Some(31));
    old_server.stop().await;
    new_server.stop().await;
}
