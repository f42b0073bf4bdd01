//! The trail of accesses: how fast it takes what is shown, and how long an old, large one takes to tell who saw a patient.

use std::time::{Duration, Instant};

use domain::event::Actor;
use domain::ids::{FacilityId, PatientId, UserId};
use domain::role::Role;
use event_store_schema::{Access, AccessFilter, AccessTrail, AccessedObject, Database, Deed, Purpose, Verdict};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use system_tests::cluster::execute;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::figures::Figures;
use crate::load;
use crate::plan::Plan;
use crate::servers::{BenchServers, House};

/// Rows that are written at a time while the old trail is made.
const CHUNK: u64 = 500_000;
/// Of how many patients and members of staff.
const PATIENTS: u64 = 1_000_000;
const STAFF: u64 = 200;
/// Patients on a page of a list.
const PAGE: usize = 50;
/// How often each question is asked.
const QUESTIONS: usize = 300;
/// How many accesses wait to be recorded at the same time.
const WRITERS: usize = 32;

/// The rates at which an empty trail takes pages and single patients, then how an old one answers.
pub async fn run(servers: &BenchServers, plan: &Plan, figures: &mut Figures) {
    if plan.traces == 0 {
        return figures.skipped.push("the trail of accesses, which only the whole run measures".into());
    }
    let house = servers.house("trail").await;
    let database = Database::with_config(house.owner.clone(), 8).expect("settings");
    let trail = AccessTrail::open(database, Duration::from_secs(30));
    let pages = record(&trail, house.facility, PAGE, plan.span).await;
    figures.rate("trail_rows_of_pages", pages * PAGE as f64);
    figures.rate("trail_single_reads", record(&trail, house.facility, 1, plan.span).await);

    let rows = fill(&house, plan).await;
    println!("        {rows} rows");
    let facility = house.facility;
    let since = Timestamp::now() - SignedDuration::from_hours(24 * 30);
    for (name, filter) in [
        ("patient", AccessFilter::default()),
        ("actor", AccessFilter::default()),
        ("time", AccessFilter { from: Some(since), ..AccessFilter::default() }),
    ] {
        let mut micros = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            let filter = match name {
                "patient" => AccessFilter { patient: Some(somebody(0, PATIENTS, PatientId)), ..filter },
                "actor" => AccessFilter { actor: Some(somebody(1, STAFF, UserId)), ..filter },
                _ => filter,
            };
            let started = Instant::now();
            let page = trail.page(facility, &filter, None, 50).await.expect("the trail answers");
            micros.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            assert!(name == "patient" || !page.items.is_empty(), "by {name}: the trail is filled");
        }
        for (label, share) in [("p50", 0.5), ("p95", 0.95), ("max", 1.0)] {
            figures.latency_ms.insert(format!("trail_by_{name}_{label}"), load::percentile(&micros, share));
        }
    }
}

/// Accesses a second, each of so many patients, that are on disk.
async fn record(trail: &AccessTrail, facility_id: FacilityId, patients: usize, span: Duration) -> f64 {
    let trail = trail.clone();
    load::repeat(WRITERS, span, move |_| {
        let trail = trail.clone();
        async move {
            let objects = (0..patients).map(|_| AccessedObject::patient(somebody(0, PATIENTS, PatientId)));
            let access = Access {
                facility_id,
                actor: Actor {
                    user_id: somebody(1, STAFF, UserId),
                    role: Some(Role::Secretary),
                    session_id: Some(Uuid::now_v7()),
                },
                client_address: Some([127, 0, 0, 1].into()),
                request_id: Some(Uuid::now_v7().to_string()),
                deed: Deed::Search,
                resource_type: "patient",
                purpose: Purpose::Treatment,
                reason: None,
                verdict: Verdict::Granted,
                objects: objects.collect(),
            };
            trail.record(access).await.is_ok()
        }
    })
    .await
}

/// Fills the trail with what a practice looked at in a year, as far as the time allows; the indexes are made afterwards, as
/// they stand in the migration. Gives how many rows there are.
async fn fill(house: &House, plan: &Plan) -> u64 {
    let (owner, connection) = house.owner.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    execute(
        &house.owner,
        "DROP TABLE IF EXISTS bench_indexes;
        CREATE TABLE bench_indexes AS SELECT indexname, indexdef FROM pg_indexes
            WHERE schemaname = 'audit' AND indexname LIKE 'access\\_by\\_%';
        DO $$ DECLARE i record; BEGIN
            FOR i IN SELECT * FROM bench_indexes LOOP EXECUTE format('DROP INDEX audit.%I', i.indexname); END LOOP;
        END $$",
    )
    .await;
    let started = Instant::now();
    let patience = plan.allow(plan.tracing);
    let mut rows: i64 = owner.query_one("SELECT count(*) FROM audit.access", &[]).await.expect("a count").get(0);
    // A year of seconds over all rows; ids as `somebody` makes them.
    let insert = "INSERT INTO audit.access (position, at, facility_id, actor_id, role, session_id, client_address,
            request_id, deed, resource_type, resource_id, patient_id, purpose, result)
        SELECT n, now() + (n - $4::float8) / $4 * interval '1 year', $3,
               lpad(to_hex(($6 * random())::bigint), 32, '1')::uuid, 'secretary',
               '0198a000-0000-7000-8000-000000000001', '127.0.0.1', '0198a000-0000-7000-8000-000000000004', 'search',
               'patient', patient, patient, 'TREAT', 'granted'
        FROM (SELECT n, lpad(to_hex(($5 * random())::bigint), 32, '0')::uuid AS patient
              FROM generate_series($1::bigint, $2::bigint) n) rows";
    let wanted = plan.traces as i64;
    while rows < wanted && started.elapsed() < patience / 2 {
        let last = (rows + CHUNK as i64).min(wanted);
        let (patients, staff) = ((PATIENTS - 1) as f64, (STAFF - 1) as f64);
        let facility = house.facility.0;
        let outcome = owner
            .execute(insert, &[&(rows + 1), &last, &facility, &(wanted as f64), &patients, &staff])
            .await
            .expect("rows");
        rows += outcome as i64;
    }
    execute(
        &house.owner,
        "DO $$ DECLARE i record; BEGIN
            FOR i IN SELECT * FROM bench_indexes LOOP EXECUTE i.indexdef; END LOOP;
        END $$; ANALYZE audit.access",
    )
    .await;
    rows.unsigned_abs()
}

/// One of so many people: their number in hexadecimal behind zeroes or ones.
fn somebody<T>(kind: u8, many: u64, id: impl FnOnce(Uuid) -> T) -> T {
    let digits = format!("{:x}", rand::rng().random_range(0..many));
    let filler = if kind == 0 { "0" } else { "1" };
    let text = filler.repeat(32 - digits.len()) + &digits;
    id(text.parse().expect("a UUID"))
}
