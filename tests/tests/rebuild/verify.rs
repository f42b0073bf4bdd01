//! The comparison of a live read model with what the log says.

use std::time::Duration;

use projections::patients::Patients;
use projections_engine::Projections;
use projections_engine::rebuild::verify;

use crate::{Practice, SOON, patients};

#[tokio::test(flavor = "multi_thread")]
async fn a_live_read_model_equals_what_the_log_says_while_writers_go_on() {
    let practice = Practice::with(&projections::all()).await;
    let read_models = Projections::start(practice.log.clone(), projections::all());
    let writes = async {
        for number in 0..100 {
            practice.register(number).await;
        }
    };
    let verified = async {
        for _ in 0..4 {
            for projection in projections::all() {
                let report = verify(&practice.log, &practice.house.owner, projection.as_ref(), |_| {}).await.unwrap();
                assert!(report.differences.is_empty(), "{:?}", report.differences);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(writes, verified);
    read_models.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_altered_are_found_and_named_by_ids_alone() {
    let practice = Practice::with(&[patients()]).await;
    let read_models = Projections::start(practice.log.clone(), vec![patients()]);
    let (altered, _) = practice.register(0).await;
    let (_, position) = practice.register(1).await;
    assert!(read_models.wait_for(position, SOON).await);

    let owner = practice.house.owner_client().await;
    owner.execute("UPDATE read_model.patients SET codes = 'x' WHERE patient_id = $1", &[&altered.0]).await.unwrap();
    owner.execute("DELETE FROM read_model.patient_terms WHERE patient_id = $1", &[&altered.0]).await.unwrap();
    let report = verify(&practice.log, &practice.house.owner, &Patients, |_| {}).await.unwrap();
    let [patients, terms] = report.differences.as_slice() else { panic!("{:?}", report.differences) };
    assert_eq!((patients.table, patients.only_live, patients.only_rebuilt), ("patients", 1, 1));
    assert_eq!(patients.examples, [format!("patient_id {altered}")]);
    assert_eq!((terms.table, terms.only_live), ("patient_terms", 0));
    assert!(terms.only_rebuilt >= 3);
    assert!(!format!("{:?}", report.differences).to_lowercase().contains("goff"), "{:?}", report.differences);
    read_models.stop().await;
}
