use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::ids::{Position, SubjectId};
use futures_util::future::try_join_all;
use system_tests::house::House;

use crate::events::{Dressing, append, happened, new_stream, version};

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_gapless_over_many_writers_on_several_servers() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await, house.open_log().await];
    let writers: Vec<_> = (0..48)
        .map(|writer| {
            let log = servers[writer % 3].clone();
            tokio::spawn(async move {
                let stream = new_stream();
                for round in 0..20 {
                    // Every other append is refused, and must leave no gap.
                    log.append(append(&stream, round).holding_key(&format!("{writer}"), false)).await.unwrap();
                    log.append(append(&new_stream(), 0).holding_key(&format!("{writer}"), false)).await.unwrap_err();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let events = servers[0].read_forward(Position::ZERO, 10_000).await.unwrap();
    assert_eq!(events.len(), 48 * 20);
    for (number, event) in (1..).zip(&events) {
        assert_eq!(event.position, Position::from(number));
    }
    assert!(events.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at), "time never runs backwards");
    let mut versions = HashMap::new();
    for event in &events {
        let last = versions.entry(&event.stream).or_insert(version(0));
        assert_eq!(event.version, last.next(), "a stream's versions follow the positions");
        *last = event.version;
    }
}

/// The anomaly that a plain sequence has: a reader sees 8 before 7 is committed, goes past it, and never sees 7.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_at_a_position_has_seen_everything_before_it() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await];
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (log, done) = (house.open_log().await, done.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            loop {
                let finished = done.load(Ordering::SeqCst);
                let last = seen.last().copied().unwrap_or(Position::ZERO);
                let events = log.read_forward(last, 7).await.unwrap();
                if finished && events.is_empty() {
                    return seen;
                }
                seen.extend(events.iter().map(|event| event.position));
            }
        })
    };
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let log = servers[writer % 2].clone();
            tokio::spawn(async move {
                for _ in 0..15 {
                    let mut request = append(&new_stream(), 0);
                    request.streams[0].events.extend((0..writer % 3).map(|_| happened()));
                    log.append(request).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap();
    let head = servers[0].head().await.unwrap();
    assert_eq!(seen, (1..=head.get()).map(Position::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn readers_are_woken_by_an_append_and_by_an_announcement() {
    let house = House::new().await;
    let (log, other) = (house.open_log().await, house.open_log().await);
    let mut watch = log.watch();
    assert_eq!(*watch.borrow_and_update(), Position::ZERO);
    let appended = log.append(append(&new_stream(), 0)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), watch.changed()).await.expect("woken").unwrap();
    assert_eq!(*watch.borrow_and_update(), appended.last_position);

    let elsewhere = other.append(append(&new_stream(), 0)).await.unwrap();
    log.announce(elsewhere.last_position);
    tokio::time::timeout(Duration::from_secs(1), watch.changed()).await.expect("woken").unwrap();
    log.announce(appended.last_position);
    assert_eq!(*watch.borrow_and_update(), elsewhere.last_position, "an old announcement changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_database_refuses_does_not_take_its_batch_down() {
    let log = House::new().await.open_log().await;
    let appends: Vec<_> = (0..40)
        .map(|number| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut request = append(&new_stream(), 0);
                if number == 20 {
                    // PostgreSQL's text and json cannot hold a zero character.
                    request.streams[0].events[0].event_type = "Broken\0".to_owned();
                }
                (number, log.append(request).await)
            })
        })
        .collect();
    for outcome in appends {
        let (number, outcome) = outcome.await.unwrap();
        assert_eq!(outcome.is_err(), number == 20, "append {number}");
    }
    assert_eq!(log.head().await.unwrap(), Position::from(39));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_connection_is_cut_is_written_once_or_not_at_all() {
    let house = House::new().await;
    let log = house.open_log().await;
    let cutter = {
        let owner = house.owner_client().await;
        tokio::spawn(async move {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(15)).await;
                owner
                    .batch_execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%log.append%'",
                    )
                    .await
                    .unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let log = log.clone();
            tokio::spawn(async move {
                let stream = new_stream();
                for round in 0..25 {
                    let appended = log.append(append(&stream, round)).await.unwrap();
                    assert_eq!(appended.version, version(round + 1));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    cutter.await.unwrap();
    assert_eq!(log.head().await.unwrap(), Position::from(16 * 25));
}

/// A server has what it wrote itself in memory; another server has only the log.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_writing_server_and_of_another_read_the_same() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await];
    let patient = new_stream();
    let mut first = append(&patient, 0).about(SubjectId(patient.id()), "Mnémosyne");
    first.reason = Some("she asked".to_owned());
    let occurred_at = "2026-03-29T02:30:00.123456789+02:00".parse().unwrap();
    first.streams[0].events[0].occurred_at = Some(occurred_at);
    servers[0].append(first).await.unwrap();
    for round in 0..40 {
        // Both write, in no order that either of them knows of.
        let writes = servers.iter().map(|log| log.append(append(&new_stream(), 0)));
        try_join_all(writes).await.unwrap();
        servers[round % 2].append(append(&new_stream(), 0)).await.unwrap();
    }
    let reader = house.open_log().await;
    let (mut position, mut read) = (Position::ZERO, 0);
    while let Some(event) = reader.read_forward(position, 1).await.unwrap().pop() {
        for log in &servers {
            let same = log.read_forward(position, 3).await.unwrap();
            assert_eq!(same.first(), Some(&event), "at {position}");
        }
        (position, read) = (event.position, read + 1);
    }
    assert_eq!(read, 1 + 40 * 3);
}
