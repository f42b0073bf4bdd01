use event_store_schema::{AppendError, Appended};
use system_tests::house::House;

use crate::events::{Dressing, append, new_stream};

#[tokio::test]
async fn the_same_key_and_request_give_the_first_outcome_again() {
    let log = House::new().await.open_log().await;
    let first = log.append(append(&new_stream(), 0).keyed("k", 1)).await.unwrap();
    let again = log.append(append(&new_stream(), 0).keyed("k", 1)).await.unwrap();
    assert!(!first.replayed);
    assert_eq!(again, Appended { replayed: true, ..first });
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let log = House::new().await.open_log().await;
    log.append(append(&new_stream(), 0).keyed("k", 1)).await.unwrap();
    let refused = log.append(append(&new_stream(), 0).keyed("k", 2)).await.unwrap_err();
    assert!(matches!(refused, AppendError::IdempotencyKeyReused), "{refused}");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let log = House::new().await.open_log().await;
    let stream = new_stream();
    assert!(log.append(append(&stream, 7).keyed("k", 1)).await.is_err());
    assert!(!log.append(append(&stream, 0).keyed("k", 1)).await.unwrap().replayed);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_repetitions_at_once_on_several_servers_write_once() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await, house.open_log().await];
    let tries: Vec<_> = (0..60)
        .map(|writer| {
            let log = servers[writer % 3].clone();
            tokio::spawn(async move { log.append(append(&new_stream(), 0).keyed("k", 1)).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for outcome in tries {
        outcomes.push(outcome.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.replayed).count(), 1);
    assert!(outcomes.iter().all(|outcome| outcome.first_position == outcomes[0].first_position));
    assert_eq!(servers[0].head().await.unwrap(), outcomes[0].last_position);
}
