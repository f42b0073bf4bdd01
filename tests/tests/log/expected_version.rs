use event_store_schema::AppendError;
use system_tests::house::House;

use crate::events::{append, new_stream, version};

#[tokio::test]
async fn a_stream_that_moved_on_refuses_and_says_where_it_is() {
    let log = House::new().await.open_log().await;
    let stream = new_stream();
    log.append(append(&stream, 0)).await.unwrap();
    let refused = log.append(append(&stream, 0)).await.unwrap_err();
    assert!(
        matches!(&refused, AppendError::WrongVersion { stream: s, actual } if *s == stream && *actual == version(1)),
        "{refused}"
    );
    let refused = log.append(append(&stream, 2)).await.unwrap_err();
    assert!(matches!(refused, AppendError::WrongVersion { .. }), "a version of the future: {refused}");
    assert_eq!(log.append(append(&stream, 1)).await.unwrap().version, version(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_appends_to_one_version_exactly_one_is_written() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await, house.open_log().await];
    let stream = new_stream();
    for round in 0..10 {
        let tries: Vec<_> = (0..30)
            .map(|writer| {
                let (log, stream) = (servers[writer % 3].clone(), stream.clone());
                tokio::spawn(async move { log.append(append(&stream, round)).await })
            })
            .collect();
        let mut written = 0;
        for outcome in tries {
            match outcome.await.unwrap() {
                Ok(_) => written += 1,
                Err(error) => assert!(matches!(error, AppendError::WrongVersion { .. }), "{error}"),
            }
        }
        assert_eq!(written, 1);
    }
}

#[tokio::test]
async fn events_of_several_streams_are_written_together_or_not_at_all() {
    let log = House::new().await.open_log().await;
    let (first, second) = (new_stream(), new_stream());
    log.append(append(&second, 0)).await.unwrap();
    let mut both = append(&first, 0);
    both.streams.extend(append(&second, 0).streams);
    assert!(matches!(log.append(both).await, Err(AppendError::WrongVersion { stream, .. }) if stream == second));
    assert_eq!(log.load(&first, version(0)).await.unwrap(), []);

    let mut both = append(&first, 0);
    both.streams.extend(append(&second, 1).streams);
    log.append(both).await.unwrap();
    assert_eq!(log.load(&first, version(0)).await.unwrap().len(), 1);
    assert_eq!(log.load(&second, version(0)).await.unwrap().len(), 2);
}
