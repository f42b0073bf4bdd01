use event_store_schema::AppendError;
use system_tests::house::House;

use crate::events::{Dressing, append, new_stream, version};

#[tokio::test]
async fn a_guarded_stream_that_moved_on_refuses_the_decision_that_read_it() {
    let log = House::new().await.open_log().await;
    let (hours, booking) = (new_stream(), new_stream());
    log.append(append(&hours, 0)).await.unwrap();
    log.append(append(&hours, 1)).await.unwrap();
    let refused = log.append(append(&booking, 0).guarded_by(&hours, 1)).await.unwrap_err();
    assert!(
        matches!(&refused, AppendError::WrongVersion { stream, actual } if *stream == hours && *actual == version(2)),
        "{refused}"
    );
    log.append(append(&booking, 0).guarded_by(&hours, 2)).await.unwrap();
}

#[tokio::test]
async fn a_guard_may_say_that_a_stream_does_not_exist() {
    let log = House::new().await.open_log().await;
    let (hours, booking) = (new_stream(), new_stream());
    log.append(append(&booking, 0).guarded_by(&hours, 0)).await.unwrap();
    log.append(append(&hours, 0)).await.unwrap();
    assert!(log.append(append(&booking, 1).guarded_by(&hours, 0)).await.is_err());
}

/// Two who each read what the other writes: if both were written, each would rest on something that is no longer so
/// (write skew).
#[tokio::test(flavor = "multi_thread")]
async fn two_decisions_that_read_each_others_stream_are_never_both_written() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await];
    for _ in 0..50 {
        let (left, right) = (new_stream(), new_stream());
        let one = servers[0].append(append(&left, 0).guarded_by(&right, 0));
        let other = servers[1].append(append(&right, 0).guarded_by(&left, 0));
        let same_server = servers[0].append(append(&right, 0).guarded_by(&left, 0));
        let (one, other, same_server) = tokio::join!(one, other, same_server);
        assert_eq!([one.is_ok(), other.is_ok(), same_server.is_ok()].iter().filter(|ok| **ok).count(), 1);
    }
}
