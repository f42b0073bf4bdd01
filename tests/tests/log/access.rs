//! The trail of accesses beside the log.

use std::collections::HashSet;
use std::time::Duration;

use domain::event::Actor;
use domain::ids::{FacilityId, PatientId, UserId};
use domain::role::Role;
use event_store_schema::{
    Access, AccessFilter, AccessTrail, AccessedObject, Database, Deed, Purpose, RecordedAccess, TrailError, Verdict,
};
use system_tests::house::House;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

const HERE: FacilityId = FacilityId(Uuid::from_u128(1));
const ELSEWHERE: FacilityId = FacilityId(Uuid::from_u128(2));

fn trail(house: &House) -> AccessTrail {
    AccessTrail::open(Database::with_config(house.owner.clone(), 4).unwrap(), Duration::from_secs(10))
}

fn patient(number: u128) -> PatientId {
    PatientId(Uuid::from_u128(0x0100 + number))
}

fn access(facility_id: FacilityId, actor: u128, patients: &[PatientId]) -> Access {
    let user_id = UserId(Uuid::from_u128(actor));
    Access {
        facility_id,
        actor: Actor { user_id, role: Some(Role::Doctor), session_id: Some(Uuid::from_u128(9)) },
        client_address: Some("192.0.2.7".parse().unwrap()),
        request_id: Some("web-7".to_owned()),
        deed: Deed::Search,
        resource_type: "patient",
        purpose: Purpose::Treatment,
        reason: None,
        verdict: Verdict::Granted,
        objects: patients.iter().copied().map(AccessedObject::patient).collect(),
    }
}

async fn page(trail: &AccessTrail, facility: FacilityId, filter: AccessFilter) -> Vec<RecordedAccess> {
    trail.page(facility, &filter, None, 200).await.unwrap().items
}

#[tokio::test]
async fn every_patient_that_a_search_showed_has_a_row_that_says_who_when_and_from_where() {
    let house = House::new().await;
    let trail = trail(&house);
    let shown: Vec<_> = (0..50).map(patient).collect();
    trail.record(access(HERE, 1, &shown)).await.unwrap();
    let seen = page(&trail, HERE, AccessFilter { patient: Some(patient(7)), ..AccessFilter::default() }).await;
    let [row] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((row.actor, row.role.as_deref()), (UserId(Uuid::from_u128(1)), Some("doctor")));
    assert_eq!((row.resource_id, row.patient_id), (Some(patient(7).0), Some(patient(7))));
    assert_eq!((row.deed.as_str(), row.purpose.as_str(), row.verdict.as_str()), ("search", "TREAT", "granted"));
    assert_eq!((row.session_id, row.request_id.as_deref()), (Some(Uuid::from_u128(9)), Some("web-7")));
    assert_eq!(row.client_address.map(|address| address.to_string()).as_deref(), Some("192.0.2.7"));
    assert_eq!(page(&trail, HERE, AccessFilter::default()).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_have_no_gap_and_no_repeat_however_many_servers_write() {
    let house = House::new().await;
    let servers = [trail(&house), trail(&house), trail(&house)];
    let writers = (0..60_usize).map(|number| {
        let trail = servers[number % 3].clone();
        tokio::spawn(async move { trail.record(access(HERE, 1, &[patient(1), patient(2), patient(3)])).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    let rows = page(&servers[0], HERE, AccessFilter::default()).await;
    let mut positions: Vec<u64> = rows.iter().map(|row| row.position.get()).collect();
    assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.at)), "time runs with the position");
    positions.reverse();
    assert_eq!(positions, (1..=180).collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_whatever_is_asked() {
    let house = House::new().await;
    let trail = trail(&house);
    for number in 0..23 {
        trail.record(access(HERE, number % 2, &[patient(number % 3)])).await.unwrap();
    }
    let middle = page(&trail, HERE, AccessFilter::default()).await[10].at;
    let actor = Some(UserId(Uuid::from_u128(1)));
    for (filter, expected) in [
        (AccessFilter::default(), 23),
        (AccessFilter { patient: Some(patient(0)), ..AccessFilter::default() }, 8),
        (AccessFilter { actor, ..AccessFilter::default() }, 11),
        (AccessFilter { patient: Some(patient(0)), actor, ..AccessFilter::default() }, 4),
        (AccessFilter { from: Some(middle), ..AccessFilter::default() }, 11),
        (AccessFilter { to: Some(middle), ..AccessFilter::default() }, 12),
    ] {
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let page = trail.page(HERE, &filter, cursor, 3).await.unwrap();
            seen.extend(page.items.into_iter().map(|row| row.position));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), expected, "{filter:?}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_practice_sees_its_own_trail_also_when_a_query_forgets_to_say_so() {
    let house = House::new().await;
    let trail = trail(&house);
    trail.record(access(HERE, 1, &[patient(1)])).await.unwrap();
    trail.record(access(ELSEWHERE, 2, &[patient(1), patient(2)])).await.unwrap();
    assert_eq!(
        page(&trail, HERE, AccessFilter { patient: Some(patient(1)), ..AccessFilter::default() }).await.len(),
        1
    );

    let application = house.application_client().await;
    let count = "SELECT count(*) FROM audit.access";
    assert_eq!(application.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    application.batch_execute(&format!("SET medicalpro.facility_id = '{}'", ELSEWHERE.0)).await.unwrap();
    assert_eq!(application.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn nobody_changes_the_trail_and_the_application_may_not_even_insert() {
    let house = House::new().await;
    trail(&house).record(access(HERE, 1, &[patient(1)])).await.unwrap();
    let changes = ["UPDATE audit.access SET deed = 'print'", "DELETE FROM audit.access", "TRUNCATE audit.access"];
    let insert = "INSERT INTO audit.access SELECT 2, at, facility_id FROM audit.access";
    let application = house.application_client().await;
    for change in changes.into_iter().chain([insert, "DROP TRIGGER append_only ON audit.access"]) {
        let refused = application.batch_execute(change).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
    }
    let owner = house.owner_client().await;
    for role in ["origin", "replica"] {
        owner.batch_execute(&format!("SET session_replication_role = {role}")).await.unwrap();
        for change in changes {
            let refused = owner.batch_execute(change).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        }
    }
}

#[tokio::test]
async fn what_the_database_does_not_take_in_time_is_not_said_to_be_traced() {
    let house = House::new().await;
    let database = Database::with_config(house.owner.clone(), 2).unwrap();
    let trail = AccessTrail::open(database, Duration::from_millis(300));
    trail.record(access(HERE, 1, &[patient(1)])).await.unwrap();
    let mut owner = house.owner_client().await;
    let blocked = owner.transaction().await.unwrap();
    blocked.batch_execute("LOCK TABLE audit.access IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let outcome = trail.record(access(HERE, 1, &[patient(2)])).await;
    assert!(matches!(outcome, Err(TrailError::Unavailable)), "{outcome:?}");
    blocked.rollback().await.unwrap();
    trail.record(access(HERE, 1, &[patient(3)])).await.unwrap();
}

#[tokio::test]
async fn one_access_that_the_database_refuses_does_not_take_the_others_down() {
    let house = House::new().await;
    let trail = trail(&house);
    let bad = Access { reason: Some("x".repeat(501)), ..access(HERE, 1, &[patient(1)]) };
    let (bad, good) = tokio::join!(trail.record(bad), trail.record(access(HERE, 1, &[patient(2)])));
    assert!(matches!(bad, Err(TrailError::Database(_))), "{bad:?}");
    good.unwrap();
}

/// Twenty thousand rows are enough for a plan that reads them all to be the more expensive one.
#[tokio::test]
async fn each_question_is_answered_from_an_index_of_its_own() {
    let house = House::new().await;
    let owner = house.owner_client().await;
    let fill = "INSERT INTO audit.access (position, at, facility_id, actor_id, deed, resource_type, patient_id, purpose, result)
        SELECT n, timestamptz '2026-01-01' + n * interval '1 second', lpad((n % 2)::text, 32, '0')::uuid,
               md5((n % 40)::text)::uuid, 'read', 'patient', md5((n % 2000)::text)::uuid, 'TREAT', 'granted'
        FROM generate_series(1, 20000) n; ANALYZE audit.access";
    owner.batch_execute(fill).await.unwrap();
    let application = house.application_client().await;
    let facility = "00000000-0000-0000-0000-000000000001";
    application.batch_execute(&format!("SET medicalpro.facility_id = '{facility}'")).await.unwrap();
    for (sql, index, own) in [
        (
            include_str!("../../../event-store-schema/sql/access/by_patient.sql"),
            "access_by_patient",
            "md5('7')::uuid, NULL, 51",
        ),
        (include_str!("../../../event-store-schema/sql/access/by_actor.sql"), "access_by_actor", "md5('7')::uuid, 51"),
        (include_str!("../../../event-store-schema/sql/access/by_time.sql"), "access_by_time", "51"),
    ] {
        // A plan for any parameters, as servers come to use after a few executions.
        application.batch_execute("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan").await.unwrap();
        application.batch_execute(&format!("PREPARE question AS {sql}")).await.unwrap();
        let shared = format!("'{facility}', timestamptz '2030-01-01', 0, timestamptz '1970-01-01'");
        let plan = application.query(&format!("EXPLAIN EXECUTE question({shared}, {own})"), &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(&format!("using {index} on"))), "{}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.contains("Sort")), "{}", plan.join("\n"));
    }
}
