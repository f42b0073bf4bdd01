use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, Position, StreamId, StreamVersion};

use super::*;

fn writing(stream: &str) -> PreparedAppend {
    PreparedAppend {
        idempotency: None,
        written: vec![Head { stream: stream.to_owned(), version: 0 }],
        guarded: vec![],
        events: vec![],
        freed: vec![],
        keys: vec![],
        holds: vec![],
        subjects: vec![],
    }
}

fn guarding(mut request: PreparedAppend, stream: &str) -> PreparedAppend {
    request.guarded.push(Head { stream: stream.to_owned(), version: 1 });
    request
}

fn taking(stream: &str, kind: &'static str, scope: u128, value: &str, shared: bool) -> PreparedAppend {
    let (own, scope, value) = (stream.to_owned(), Uuid::from_u128(scope), value.as_bytes().to_vec());
    PreparedAppend { keys: vec![PreparedKey { stream: own, kind, scope, value, shared }], ..writing(stream) }
}

fn holding(stream: &str, resource: u128, times: &[(i64, i64)]) -> PreparedAppend {
    let hold = |(from, to): &(i64, i64)| PreparedHold {
        stream: stream.to_owned(),
        kind: "room",
        resource: Uuid::from_u128(resource),
        during: Interval { from: Timestamp::constant(*from, 0), until: Timestamp::constant(*to, 0) },
    };
    PreparedAppend { holds: times.iter().map(hold).collect(), ..writing(stream) }
}

fn repeatable(stream: &str, scope: u128, key: &str) -> PreparedAppend {
    let idempotency = IdempotencyKey { scope: Uuid::from_u128(scope), key: key.to_owned(), request_hash: [7; 32] };
    PreparedAppend { idempotency: Some(idempotency), ..writing(stream) }
}

/// In whatever order they come.
fn share_a_batch(one: &PreparedAppend, other: &PreparedAppend) -> bool {
    let in_order = |first, second| {
        let mut footprint = Footprint::default();
        assert!(footprint.try_add(first), "a request meets nothing in an empty batch");
        footprint.try_add(second)
    };
    let outcome = in_order(one, other);
    assert_eq!(in_order(other, one), outcome, "the order makes a difference");
    outcome
}

#[test]
fn requests_for_one_stream_never_share_a_batch() {
    assert!(share_a_batch(&writing("a"), &writing("b")));
    assert!(!share_a_batch(&writing("a"), &writing("a")));
}

#[test]
fn a_guard_meets_a_write_but_not_another_guard() {
    assert!(share_a_batch(&guarding(writing("a"), "hours"), &guarding(writing("b"), "hours")));
    assert!(share_a_batch(&guarding(writing("a"), "hours"), &writing("b")));
    assert!(!share_a_batch(&guarding(writing("a"), "hours"), &writing("hours")));
}

#[test]
fn one_key_is_taken_once_a_batch_also_by_those_who_would_share_it() {
    let number = |stream| taking(stream, "patient_number", 1, "P260001", false);
    assert!(!share_a_batch(&number("a"), &number("b")));
    assert!(!share_a_batch(&number("a"), &taking("b", "patient_number", 1, "P260001", true)));
    assert!(share_a_batch(&number("a"), &taking("b", "patient_ins", 1, "P260001", false)));
    assert!(share_a_batch(&number("a"), &taking("b", "patient_number", 2, "P260001", false)));
    assert!(share_a_batch(&number("a"), &taking("b", "patient_number", 1, "P260002", false)));
}

#[test]
fn times_that_only_touch_share_a_batch() {
    assert!(share_a_batch(&holding("a", 1, &[(0, 10)]), &holding("b", 1, &[(10, 20)])));
    assert!(share_a_batch(&holding("a", 1, &[(0, 10)]), &holding("b", 1, &[(30, 40)])));
}

#[test]
fn times_that_overlap_share_none_unless_they_are_of_two_resources() {
    for (from, to) in [(0, 11), (19, 30), (12, 18), (5, 25), (10, 20)] {
        assert!(!share_a_batch(&holding("a", 1, &[(from, to)]), &holding("b", 1, &[(10, 20)])), "{from}..{to}");
        assert!(share_a_batch(&holding("a", 1, &[(from, to)]), &holding("b", 2, &[(10, 20)])), "{from}..{to}");
    }
}

#[test]
fn each_hold_of_a_request_counts() {
    assert!(!share_a_batch(&holding("a", 1, &[(0, 5), (10, 15)]), &holding("b", 1, &[(4, 8)])));
    assert!(!share_a_batch(&holding("a", 1, &[(0, 5), (10, 15)]), &holding("b", 1, &[(7, 9), (14, 16)])));
    assert!(share_a_batch(&holding("a", 1, &[(0, 5), (10, 15)]), &holding("b", 1, &[(5, 10), (15, 20)])));
}

#[test]
fn one_idempotency_key_is_used_once_a_batch() {
    assert!(!share_a_batch(&repeatable("a", 1, "k"), &repeatable("b", 1, "k")));
    assert!(share_a_batch(&repeatable("a", 1, "k"), &repeatable("b", 2, "k")), "of two users");
    assert!(share_a_batch(&repeatable("a", 1, "k"), &repeatable("b", 1, "other")));
    assert!(share_a_batch(&repeatable("a", 1, "k"), &writing("b")));
}

#[test]
fn every_request_of_a_batch_is_remembered_and_none_that_was_refused() {
    let mut footprint = Footprint::default();
    assert!(footprint.try_add(&guarding(writing("a"), "hours")));
    assert!(footprint.try_add(&holding("b", 1, &[(0, 10)])));
    assert!(!footprint.try_add(&PreparedAppend { written: writing("a").written, ..holding("c", 1, &[(20, 30)]) }));
    assert!(!footprint.try_add(&writing("hours")));
    assert!(!footprint.try_add(&holding("d", 1, &[(9, 12)])));
    assert!(footprint.try_add(&holding("d", 1, &[(20, 30)])), "the refused request holds nothing");
}

fn event(stream: &str, version: i64, sealed: Option<Vec<u8>>) -> PreparedEvent {
    let (facility, subject) = (Uuid::from_u128(8), sealed.as_ref().map(|_| Uuid::from_u128(9)));
    PreparedEvent {
        readable: RecordedEvent {
            position: Position::ZERO,
            event_id: EventId(Uuid::nil()),
            stream: StreamId::of("thing", Uuid::nil()),
            version: StreamVersion::ZERO,
            event_type: String::new(),
            schema_version: 0,
            facility_id: FacilityId(facility),
            subject_id: None,
            recorded_at: Timestamp::UNIX_EPOCH,
            occurred_at: Timestamp::UNIX_EPOCH,
            metadata: EventMetadata {
                actor: Actor::SYSTEM,
                client_address: None,
                request_id: None,
                correlation_id: Uuid::nil(),
                causation_id: None,
                idempotency_key: None,
            },
            reason: None,
            forgotten: false,
            payload: serde_json::Value::Null.into(),
        },
        id: Uuid::from_u128(u128::from(version.unsigned_abs())),
        stream: stream.to_owned(),
        version,
        event_type: format!("Happened{version}"),
        schema_version: 3,
        facility,
        subject,
        occurred_at: sealed.is_none().then_some(Timestamp::UNIX_EPOCH),
        payload: format!("{{\"version\":{version}}}"),
        sealed,
        metadata: "{}".to_owned(),
    }
}

/// Two of everything, so that a column that is left out, or filled in another order, shows.
#[test]
fn the_columns_hold_each_request_under_its_number() {
    let first = PreparedAppend {
        events: vec![event("a", 1, None), event("a", 2, Some(vec![42]))],
        freed: vec![FreedKind { stream: "a".to_owned(), kind: "room" }],
        subjects: vec![PreparedSubject {
            id: Uuid::from_u128(9),
            facility: Uuid::from_u128(8),
            key: WrappedKey { master_key_id: "master".to_owned(), bytes: vec![1, 2] },
        }],
        ..guarding(repeatable("a", 5, "k"), "hours")
    };
    let second = PreparedAppend { holds: holding("b", 1, &[(0, 10)]).holds, ..taking("b", "email", 6, "x", true) };
    let columns = Columns::of([&first, &second]);
    let ids = |numbers: &[u128]| numbers.iter().copied().map(Uuid::from_u128).collect::<Vec<_>>();

    assert_eq!(columns.request_scopes, [Some(Uuid::from_u128(5)), None]);
    assert_eq!(columns.request_keys, [Some("k"), None]);
    assert_eq!(columns.request_hashes, [Some([7; 32].as_slice()), None]);
    assert_eq!(columns.head_requests, [1, 1, 2]);
    assert_eq!(columns.head_streams, ["a", "hours", "b"]);
    assert_eq!(columns.head_versions, [0, 1, 0]);
    assert_eq!(columns.event_requests, [1, 1]);
    assert_eq!(columns.event_ids, ids(&[1, 2]));
    assert_eq!(columns.event_streams, ["a", "a"]);
    assert_eq!(columns.event_versions, [1, 2]);
    assert_eq!(columns.event_types, ["Happened1", "Happened2"]);
    assert_eq!(columns.event_schemas, [3, 3]);
    assert_eq!(columns.event_facilities, ids(&[8, 8]));
    assert_eq!(columns.event_subjects, [None, Some(Uuid::from_u128(9))]);
    assert_eq!(columns.event_times, [Some(Timestamp::UNIX_EPOCH), None]);
    assert_eq!(columns.event_payloads, ["{\"version\":1}", "{\"version\":2}"]);
    assert_eq!(columns.event_seals, [None, Some([42].as_slice())]);
    assert_eq!(columns.event_metadata, ["{}", "{}"]);
    assert_eq!(
        (columns.freed_requests, columns.freed_streams, columns.freed_kinds),
        (vec![1], vec!["a"], vec!["room"])
    );
    assert_eq!((columns.key_requests, columns.key_streams, columns.key_kinds), (vec![2], vec!["b"], vec!["email"]));
    assert_eq!((columns.key_scopes, columns.key_values), (ids(&[6]), vec![b"x".as_slice()]));
    assert_eq!(columns.key_shared, [true]);
    assert_eq!((columns.hold_requests, columns.hold_streams, columns.hold_kinds), (vec![2], vec!["b"], vec!["room"]));
    assert_eq!(columns.hold_resources, ids(&[1]));
    assert_eq!(columns.hold_starts, [Timestamp::constant(0, 0)]);
    assert_eq!(columns.hold_ends, [Timestamp::constant(10, 0)]);
    assert_eq!((columns.subject_requests, columns.subject_ids), (vec![1], ids(&[9])));
    assert_eq!((columns.subject_facilities, columns.subject_master_keys), (ids(&[8]), vec!["master"]));
    assert_eq!(columns.subject_keys, [[1, 2].as_slice()]);
}

#[test]
fn the_call_has_a_parameter_for_each_column() {
    let placeholders = include_str!("../../sql/append.sql").matches('$').count();
    assert_eq!(Columns::default().parameters().len(), placeholders);
}
