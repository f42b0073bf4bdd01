//! A rebuilt read model takes the place of the live one, and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use projections::patients::{PageStart, PatientFilter, PatientQueries, Patients};
use projections_engine::Projections;
use projections_engine::rebuild::{RebuildError, rebuild, verify};
use tokio_postgres::Client;

use crate::{Practice, SOON, patients, register};

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_writers_go_on_while_a_read_model_is_rebuilt() {
    let practice = Practice::with(&[patients()]).await;
    let read_models = Projections::start(practice.log.clone(), vec![patients()]);
    let position = practice.register_many(0..300).await;
    assert!(read_models.wait_for(position, SOON).await);

    let queries = PatientQueries::new(practice.log.database().clone());
    let (stop, shown) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(300)));
    let mut people = tokio::task::JoinSet::new();
    for desk in 1..=4 {
        let (commands, facility, read_models) = (practice.commands.clone(), practice.facility, read_models.clone());
        let (queries, stop, shown) = (queries.clone(), Arc::clone(&stop), Arc::clone(&shown));
        people.spawn(async move {
            for number in 0.. {
                let (id, position) = register(&commands, facility, desk * 100_000 + number).await;
                assert!(read_models.wait_for(position, Duration::from_secs(5)).await, "a write waits for a rebuild");
                let file = queries.get(facility, id).await.expect("the query is answered");
                assert!(file.is_some(), "who writes does not read it");
                shown.fetch_add(1, Ordering::SeqCst);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
    }
    for _ in 0..4 {
        let (queries, facility) = (queries.clone(), practice.facility);
        let (stop, shown) = (Arc::clone(&stop), Arc::clone(&shown));
        people.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let least = shown.load(Ordering::SeqCst);
                let page = queries.list(facility, &PatientFilter::active(), &PageStart::Number(1), 50).await;
                let total = page.expect("the query is answered").total;
                assert!(total >= least as u64, "{total} patients are shown, there are at least {least}");
            }
        });
    }
    for _ in 0..5 {
        let report = rebuild(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
        assert!(report.position >= position);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = people.join_next().await {
        ended.unwrap();
    }
    let report = verify(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    read_models.stop().await;
}

/// All that PostgreSQL knows of the tables and their indexes, but for their names inside (oids) and their figures.
async fn built(owner: &Client) -> Vec<String> {
    let describe = "
        SELECT format('%s %s %s %s %s %s', c.relname, c.relkind, c.relowner::regrole, c.relrowsecurity,
                      c.relforcerowsecurity, c.relacl)
        FROM pg_class c WHERE c.relnamespace = 'read_model'::regnamespace
        UNION ALL
        SELECT format('%s.%s %s %s %s %s', a.attrelid::regclass, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
                      a.attnotnull, a.attcollation::regcollation)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'read_model'::regnamespace AND a.attnum > 0
        UNION ALL
        SELECT pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'read_model'::regnamespace
        UNION ALL
        SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'read_model'::regnamespace
        UNION ALL
        SELECT to_jsonb(p)::text FROM pg_policies p WHERE p.schemaname = 'read_model'
        ORDER BY 1";
    let rows = owner.query(describe, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_read_model_is_built_like_a_fresh_one() {
    let practice = Practice::with(&[patients()]).await;
    practice.register_many(0..10).await;
    let owner = practice.house.owner_client().await;
    let fresh = built(&owner).await;
    assert!(fresh.iter().any(|line| line.contains("own_facility")));
    rebuild(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
    assert_eq!(built(&owner).await, fresh);
    let schemas = owner.query("SELECT FROM pg_namespace WHERE nspname LIKE 'rebuild%'", &[]).await.unwrap();
    assert!(schemas.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_were_prepared_before_a_swap_work_after_it() {
    let practice = Practice::with(&[patients()]).await;
    let position = practice.register_many(0..10).await;
    let read_models = Projections::start(practice.log.clone(), vec![patients()]);
    assert!(read_models.wait_for(position, SOON).await);
    let client = practice.house.owner_client().await;
    let count = client.prepare("SELECT count(*) FROM read_model.patients WHERE facility_id = $1").await.unwrap();
    for rebuilt in [false, true] {
        // Often enough for PostgreSQL to make a plan that it keeps.
        for _ in 0..8 {
            let row = client.query_one(&count, &[&practice.facility.0]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 10, "rebuilt: {rebuilt}");
        }
        rebuild(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
    }
    let (_, position) = practice.register(10).await;
    assert!(read_models.wait_for(position, SOON).await, "the live projection goes on");
    read_models.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_waited_for_and_holds_up_nobody() {
    let practice = Practice::with(&[patients()]).await;
    let read_models = Projections::start(practice.log.clone(), vec![patients()]);
    practice.register_many(0..10).await;
    let reader = practice.house.owner_client().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM read_model.patients").await.unwrap();
    let rebuilt = rebuild(&practice.log, &practice.house.owner, &Patients, |_| {});
    let others = async {
        for number in 10..20 {
            let (_, position) = practice.register(number).await;
            assert!(read_models.wait_for(position, Duration::from_secs(5)).await, "a write waits for a reader");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        reader.batch_execute("SELECT count(*) FROM read_model.patients; COMMIT").await.unwrap();
    };
    let (rebuilt, ()) = tokio::join!(rebuilt, others);
    rebuilt.unwrap();
    read_models.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rebuild_of_a_read_model_runs_at_a_time() {
    let practice = Practice::with(&[patients()]).await;
    practice.register_many(0..10).await;
    let start = || async { rebuild(&practice.log, &practice.house.owner, &Patients, |_| {}).await };
    let outcomes = tokio::join!(start(), start());
    assert!(
        matches!(outcomes, (Ok(_), Err(RebuildError::AlreadyRunning)) | (Err(RebuildError::AlreadyRunning), Ok(_))),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_rebuild_leaves_is_dropped_by_the_next() {
    let practice = Practice::with(&[patients()]).await;
    practice.register_many(0..50).await;
    let owner = practice.house.owner_client().await;
    owner
        .batch_execute("CREATE SCHEMA rebuild_patients; CREATE TABLE rebuild_patients.patients (x int)")
        .await
        .unwrap();
    let (log, settings) = (&practice.log, &practice.house.owner);
    let killed = tokio::time::timeout(Duration::from_millis(30), rebuild(log, settings, &Patients, |_| {}));
    let _ = killed.await;
    // The killed one's session may live a moment longer than it.
    crate::until(SOON, "the lock is free", async || rebuild(log, settings, &Patients, |_| {}).await.is_ok()).await;
    assert!(owner.query("SELECT FROM pg_namespace WHERE nspname = 'rebuild_patients'", &[]).await.unwrap().is_empty());
    let read_models = Projections::start(practice.log.clone(), vec![patients()]);
    let (_, position) = practice.register(50).await;
    assert!(read_models.wait_for(position, SOON).await);
    read_models.stop().await;
}
