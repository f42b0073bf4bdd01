//! Free slots of twenty practitioners over a month in which five thousand visits are booked: all of them, and the first.

use std::time::{Duration, Instant};

use crate::calendar::{Calendar, SLOTS_A_DAY};
use crate::figures::Figures;
use crate::http::Connection;
use crate::load::percentile;
use crate::program::Program;
use crate::requests::Practice;
use crate::servers::BenchServers;
use crate::{fill, wait_for_list};

pub const PRACTITIONERS: usize = 20;
pub const DAYS: u64 = 31;
pub const FIRST: u64 = 50;
/// More than there are.
pub const ALL: u64 = 20_000;
const BOOKINGS: u64 = 5_000;
const PATIENTS: u64 = 2_000;

/// How long the server takes until the head of its answer, asked again and again by one client; and how long until the
/// client has all of it.
pub async fn run(servers: &BenchServers, span: Duration, figures: &mut Figures) {
    let house = servers.house("month").await;
    let patients = fill::register(&house, 0..PATIENTS, Duration::MAX).await;
    let calendar = Calendar::open(&house, PRACTITIONERS).await;
    calendar.fill(&house, &patients, BOOKINGS, DAYS * SLOTS_A_DAY * PRACTITIONERS as u64).await;
    let program = Program::start(servers, &house, false).await;
    let practice = Practice::new(program.target.clone(), patients, calendar);
    wait_for_list(&practice).await;
    // As autovacuum does within its minute.
    system_tests::cluster::execute(&house.owner, "VACUUM ANALYZE").await;
    for (name, limit) in [("all", ALL), ("first", FIRST)] {
        let path = practice.calendar.slots(PRACTITIONERS, DAYS, limit);
        let free = practice.target.get(&path).await["items"].as_array().map_or(0, Vec::len);
        println!("        {free} slots are free");
        let request = practice.target.request("GET", &path, None);
        let mut connection = Connection::open(&practice.target).await;
        let (mut heads, mut wholes, started) = (Vec::new(), Vec::new(), Instant::now());
        while started.elapsed() < span {
            let sent = Instant::now();
            assert_eq!(connection.call(&request).await, 200, "slots are found");
            wholes.push(sent.elapsed().as_micros() as u64);
            heads.push(connection.head_after().as_micros() as u64);
        }
        for (share, suffix) in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")] {
            figures.latency_ms.insert(format!("slots_{name}_{suffix}"), percentile(&heads, share));
            figures.latency_ms.insert(format!("slots_{name}_received_{suffix}"), percentile(&wholes, share));
        }
    }
    program.stop();
}
