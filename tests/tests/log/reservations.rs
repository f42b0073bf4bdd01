use event_store_schema::{AppendError, EventLog, Holder};
use proptest::prelude::*;
use system_tests::house::House;
use uuid::Uuid;

use crate::events::{Dressing, append, new_stream};

fn holders(outcome: Result<event_store_schema::Appended, AppendError>) -> Vec<Holder> {
    match outcome {
        Err(AppendError::Reserved(holders)) => holders,
        Ok(_) => panic!("nobody held it"),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_key_is_held_by_one_stream_who_is_named() {
    let log = House::new().await.open_log().await;
    let (holder, other) = (new_stream(), new_stream());
    log.append(append(&holder, 0).holding_key("zoe", false)).await.unwrap();
    let held_by = holders(log.append(append(&other, 0).holding_key("zoe", false)).await);
    assert_eq!(held_by.len(), 1);
    assert_eq!((held_by[0].kind.as_str(), &held_by[0].stream), ("patient_identity", &holder));
    log.append(append(&holder, 1).holding_key("zoe", false)).await.expect("its own hold is no obstacle");
}

#[tokio::test]
async fn an_event_that_takes_another_key_frees_the_first() {
    let log = House::new().await.open_log().await;
    let (holder, other) = (new_stream(), new_stream());
    log.append(append(&holder, 0).holding_key("zoe", false)).await.unwrap();
    log.append(append(&holder, 1).holding_key("zoé", false)).await.unwrap();
    log.append(append(&other, 0).holding_key("zoe", false)).await.expect("freed");
}

#[tokio::test]
async fn a_shared_hold_stands_beside_others_and_stops_the_next_exclusive_one() {
    let log = House::new().await.open_log().await;
    let (first, distinct, third) = (new_stream(), new_stream(), new_stream());
    log.append(append(&first, 0).holding_key("zoe", false)).await.unwrap();
    log.append(append(&distinct, 0).holding_key("zoe", true)).await.unwrap();
    assert_eq!(holders(log.append(append(&third, 0).holding_key("zoe", false)).await).len(), 2);
    log.append(append(&first, 1).holding_key("other", false)).await.unwrap();
    let held_by = holders(log.append(append(&third, 0).holding_key("zoe", false)).await);
    assert_eq!(held_by.iter().map(|holder| &holder.stream).collect::<Vec<_>>(), [&distinct]);
}

#[tokio::test]
async fn times_that_overlap_are_refused_and_times_that_touch_are_not() {
    let log = House::new().await.open_log().await;
    let room = Uuid::now_v7();
    let first = new_stream();
    log.append(append(&first, 0).holding_room(room, &[(0, 30), (60, 90)])).await.unwrap();
    for overlapping in [(29, 31), (0, 30), (10, 20), (-10, 100), (89, 91)] {
        let held_by = holders(log.append(append(&new_stream(), 0).holding_room(room, &[overlapping])).await);
        assert!(held_by.iter().all(|holder| holder.stream == first && holder.during.is_some()), "{overlapping:?}");
    }
    log.append(append(&new_stream(), 0).holding_room(room, &[(30, 60)])).await.expect("touching both ends");
    log.append(append(&new_stream(), 0).holding_room(Uuid::now_v7(), &[(0, 30)])).await.expect("another room");
}

#[tokio::test]
async fn a_cancelled_hold_is_free_and_a_moved_one_holds_its_new_time_only() {
    let log = House::new().await.open_log().await;
    let room = Uuid::now_v7();
    let (moved, next) = (new_stream(), new_stream());
    log.append(append(&moved, 0).holding_room(room, &[(0, 30)])).await.unwrap();
    log.append(append(&moved, 1).holding_room(room, &[(15, 45)])).await.expect("over its own former time");
    log.append(append(&next, 0).holding_room(room, &[(0, 15)])).await.unwrap();
    assert_eq!(holders(log.append(append(&new_stream(), 0).holding_room(room, &[(30, 40)])).await).len(), 1);
    log.append(append(&moved, 2).holding_room(room, &[])).await.unwrap();
    log.append(append(&new_stream(), 0).holding_room(room, &[(15, 45)])).await.expect("cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_slot_on_several_servers_exactly_one_gets_it() {
    let house = House::new().await;
    let servers = [house.open_log().await, house.open_log().await, house.open_log().await];
    let room = Uuid::now_v7();
    let tries: Vec<_> = (0..150_usize)
        .map(|number| {
            let log = servers[number % 3].clone();
            let from = number as i64 % 7;
            tokio::spawn(
                async move { log.append(append(&new_stream(), 0).holding_room(room, &[(from, from + 30)])).await },
            )
        })
        .collect();
    let mut taken = 0;
    for outcome in tries {
        match outcome.await.unwrap() {
            Ok(_) => taken += 1,
            error => assert_eq!(holders(error).len(), 1),
        }
    }
    assert_eq!(taken, 1);
}

/// What a simple model allows is exactly what the log allows.
#[test]
fn the_log_and_a_simple_model_agree_on_every_hold() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let log = runtime.block_on(async { House::new().await.open_log().await });
    let hold = (0..4_usize, 0..40_i64, 1..15_i64);
    proptest!(ProptestConfig::with_cases(40), |(steps in prop::collection::vec(hold, 1..25))| {
        runtime.block_on(agree(&log, &steps))?;
    });
}

async fn agree(log: &EventLog, steps: &[(usize, i64, i64)]) -> Result<(), TestCaseError> {
    let room = Uuid::now_v7();
    let streams = [new_stream(), new_stream(), new_stream(), new_stream()];
    let mut model: [(u64, Option<(i64, i64)>); 4] = Default::default();
    for &(who, from, length) in steps {
        // Lengths of 1 stand for a cancellation.
        let wanted = (length > 1).then_some((from, from + length));
        let times: Vec<_> = wanted.into_iter().collect();
        let others = model.iter().enumerate().filter(|(other, _)| *other != who).filter_map(|(_, (_, held))| *held);
        let free = others.into_iter().all(|(start, end)| wanted.is_none_or(|(from, to)| to <= start || end <= from));
        let outcome = log.append(append(&streams[who], model[who].0).holding_room(room, &times)).await;
        prop_assert_eq!(outcome.is_ok(), free, "{} wants {:?} of {:?}", who, wanted, model);
        if free {
            model[who] = (model[who].0 + 1, wanted);
        }
    }
    Ok(())
}
