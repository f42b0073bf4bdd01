//! Free slots of twenty practitioners over a month in which five thousand visits are booked: all of them, and the first.

use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan;

use crate::calendar::{Calendar, SLOTS_A_DAY};
use crate::figures::Figures;
use crate::load::{self, Build, percentile};
use crate::program::Program;
use crate::requests::Practice;
use crate::servers::BenchServers;
use crate::{fill, wait_for_list};

const PRACTITIONERS: usize = 20;
const DAYS: u64 = 31;
const BOOKINGS: u64 = 5_000;
const PATIENTS: u64 = 2_000;

/// How long the server takes, asked again and again by one client; the time on the wire, on this machine, is part of it.
pub async fn run(servers: &BenchServers, span: Duration, figures: &mut Figures) {
    let house = servers.house("month").await;
    let patients = fill::register(&house, 0..PATIENTS, Duration::MAX).await;
    let calendar = Calendar::open(&house, PRACTITIONERS).await;
    calendar.fill(&house, &patients, BOOKINGS, DAYS * SLOTS_A_DAY * PRACTITIONERS as u64).await;
    system_tests::cluster::execute(&house.owner, "ANALYZE").await;
    let program = Program::start(servers, &house, false).await;
    let (first, last) = (calendar.first_day(), calendar.first_day().saturating_add((DAYS as i64 - 1).days()));
    let whose = calendar.practitioners.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let practice = Practice::new(program.target.clone(), patients, calendar);
    wait_for_list(&practice).await;
    for (name, limit) in [("all", 20_000), ("first", 50)] {
        let path = format!("/appointments/slots?practitionerId={whose}&from={first}&until={last}&limit={limit}");
        let free = practice.target.get(&path).await["items"].as_array().map_or(0, Vec::len);
        println!("        {free} slots are free");
        let request = practice.target.request("GET", &path, None);
        let build: Build = Arc::new(move |_| request.clone());
        let outcome = load::closed(&practice.target, 1, span, &build, 200).await;
        if outcome.failures > 0 {
            figures.faults.push(format!("slots: {} requests failed", outcome.failures));
        }
        for (share, suffix) in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")] {
            figures.latency_ms.insert(format!("slots_{name}_{suffix}"), percentile(&outcome.micros, share));
        }
    }
    program.stop();
}
