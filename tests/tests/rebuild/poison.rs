//! An event that a projection cannot apply stops that projection alone, is told everywhere, and is applied as soon as it
//! can be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::role::Role;
use embedded_servers::ScratchDir;
use projections_engine::{Projection, ProjectionState, Projections};
use system_tests::practice::{self, Underneath};
use system_tests::server::{Client, Server};
use tokio_postgres::NoTls;

use crate::tally::Tally;
use crate::{Practice, SOON, patients, state, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_applied_stops_its_projection_until_it_can() {
    let tally = Tally::version(1);
    let both = vec![Arc::clone(&tally) as Arc<dyn Projection>, patients()];
    let practice = Practice::with(&both).await;
    let server = Projections::start(practice.log.clone(), both.clone());
    let other = Projections::start(practice.house.open_log().await, both);
    let before = practice.register_many(0..10).await;
    assert!(server.wait_for(before, SOON).await);

    tally.refuses.store(true, Ordering::Relaxed);
    let (_, poison) = practice.register(10).await;
    let stopped = |projections: &Projections| matches!(state(projections, "tally"), ProjectionState::Stopped { position, .. } if position == poison);
    until(SOON, "it is stopped, on every server", async || stopped(&server) && stopped(&other)).await;
    let (_, after) = practice.register(11).await;
    let waited = Instant::now();
    assert!(!server.wait_for(after, SOON).await && !other.wait_for(after, SOON).await);
    assert!(waited.elapsed() < Duration::from_secs(1), "nobody waits for a projection that is stopped");
    until(SOON, "the other projection goes on", async || {
        server.status().iter().any(|status| status.name == "patients" && status.position >= after)
    })
    .await;

    tally.refuses.store(false, Ordering::Relaxed);
    until(SOON, "it goes on", async || server.wait_for(after, SOON).await && other.wait_for(after, SOON).await).await;
    let owner = practice.house.owner_client().await;
    let row = owner.query_one("SELECT sum(patients)::bigint FROM read_model.tally", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 12, "each event was applied once");
    server.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_whose_code_panics_is_stopped_and_started_again_until_it_does_not() {
    let tally = Tally::version(1);
    let both = vec![Arc::clone(&tally) as Arc<dyn Projection>, patients()];
    let practice = Practice::with(&both).await;
    let server = Projections::start(practice.log.clone(), both);
    let restarting = || {
        let tasks = server.tasks().into_iter().filter(|task| !task.is_running());
        tasks.map(|task| (task.name().to_owned(), task.state().to_string())).collect::<Vec<_>>()
    };
    assert!(restarting().is_empty());

    tally.panics.store(true, Ordering::Relaxed);
    let (_, poison) = practice.register(1).await;
    let stopped = || matches!(state(&server, "tally"), ProjectionState::Stopped { position, reason } if position <= poison && reason.contains("panicked"));
    until(SOON, "it is stopped", async || stopped()).await;
    until(SOON, "its task is started again", async || {
        matches!(restarting().as_slice(), [(name, state)] if name == "projection tally" && state.contains("a bug"))
    })
    .await;
    until(SOON, "the other projection goes on", async || {
        server.status().iter().any(|status| status.name == "patients" && status.position >= poison)
    })
    .await;

    tally.panics.store(false, Ordering::Relaxed);
    until(SOON, "it goes on", async || server.wait_for(poison, SOON).await).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_told_in_health_and_metrics_and_holds_up_nothing_else() {
    let folder = ScratchDir::new("poison").unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let work = practice::Practice::in_server(&server).await;
    let anonymous = Client::anonymous(&server);
    anonymous.get("/health/ready").await.expect(200);

    let (owner, connection) = Underneath::of(&server).owner.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let rewrite = |payload: &str| {
        // The log forbids this to everybody but its owner, who switches the prohibition off.
        format!(
            "BEGIN; ALTER TABLE log.events DISABLE TRIGGER append_only;
             UPDATE log.events SET payload = '{payload}' WHERE stream_id = 'facility-00000000-0000-4000-8000-00000000000f';
             ALTER TABLE log.events ENABLE ALWAYS TRIGGER append_only; COMMIT"
        )
    };
    owner
        .batch_execute(
            "BEGIN; SELECT pg_advisory_xact_lock(1297117807);
             INSERT INTO log.events SELECT max(global_position) + 1, gen_random_uuid(),
                 'facility-00000000-0000-4000-8000-00000000000f', 1, 'FacilityOpened', 1,
                 '00000000-0000-4000-8000-00000000000f', NULL, now(), now(), '{\"name\": 7}', NULL,
                 '{\"actor\":{\"userId\":\"00000000-0000-0000-0000-000000000000\"},
                   \"correlationId\":\"00000000-0000-0000-0000-000000000000\"}' FROM log.events; COMMIT",
        )
        .await
        .unwrap();

    until(SOON, "health says so", async || {
        let answer = anonymous.get("/health/ready").await;
        answer.status == 503 && answer.text.contains("projection facilities: stopped at position")
    })
    .await;
    let metrics = reqwest::get(&server.report.metrics_url).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("projection_stopped{projection=\"facilities\"} 1"), "{metrics}");
    assert!(metrics.contains("projection_stopped{projection=\"patients\"} 0"), "{metrics}");
    for first_name in ["Anne", "Yann", "Zoé"] {
        let asked = Instant::now();
        let registered = work.register("Le Goff", first_name).await;
        assert!(asked.elapsed() < Duration::from_secs(3), "a command waits for a projection that is stopped");
        let path = format!("/patients/{}", registered["id"].as_str().unwrap());
        until(SOON, "the patients go on", async || work.client(Role::Doctor).get(&path).await.status == 200).await;
    }

    owner.batch_execute(&rewrite(r#"{"name": "Cabinet réparé", "timeZone": "Europe/Paris"}"#)).await.unwrap();
    until(Duration::from_secs(15), "it is ready again", async || anonymous.get("/health/ready").await.status == 200)
        .await;
    assert!(server.stop());
}
