//! The benchmark: what the house does in a second and how long it lets people wait, beside what PostgreSQL itself does
//! with the same rows in the same run. Only such ratios mean something; everything shares the machine with its load.
//!
//! ```text
//! servers ─► houses: appends (the log alone), small and large (the program medicalpro on a practice)
//! costs        processor time and allocations of a request
//! throughput   pgbench, postgres-es, EventLog, HTTP in turn      load, http, requests, people make what is asked
//! fill ─► replay ─► lists   a large practice                     sockets   live screens
//! logins   a storm of them, and refusals
//! trail   millions of accesses, and who saw a patient
//! figures ─► a table of targets, latest.json, charts
//! ```
//!
//! `bench [--quick]`, from the workspace's folder; built with the feature `baseline` it measures postgres-es as well.
//! `bench --only contact --clients 32 --seconds 20` does one thing alone, for a profiler to look at; so do `--only lists`
//! and `--only replay`, with `--patients 1000000`, `--only logins`, `--only costs`, and `--only-trail` the trail of accesses.

mod appends;
mod calendar;
mod chart;
mod cost_table;
mod costs;
mod figures;
mod fill;
mod http;
mod lists;
mod load;
mod logins;
mod only;
mod people;
mod pgbench;
mod plan;
mod processor;
mod program;
mod replay;
mod requests;
mod servers;
mod slots;
mod sockets;
#[cfg(feature = "baseline")]
mod stock;
mod throughput;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use calendar::Calendar;
use figures::Figures;
use plan::Plan;
use program::Program;
use projections::facilities::Facilities;
use projections::patients::Patients;
use requests::{Operation, Practice};
use servers::{BenchServers, House};
use system_tests::cluster::execute;
use throughput::Contestants;

const SMALL: u64 = 10_000;
const USERS: usize = 100;
/// Who are booked in the small practice.
const PRACTITIONERS: usize = 50;
/// Five requests a second and user.
const REQUESTS_A_SECOND: f64 = 500.0;
/// Sockets, and changes a second that each of them is told of.
const SCREENS: [(usize, f64); 3] = [(1, 50.0), (100, 50.0), (1000, 5.0)];

fn main() {
    allow_many_sockets();
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = only::Only::asked_for();
    // Servers are started and stopped outside the runtime: that blocks.
    let servers = BenchServers::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if std::env::args().any(|argument| argument == "--only-trail") {
        let mut figures = Figures::default();
        runtime.block_on(trail::run(&servers, &Plan::trail(), &mut figures));
        drop(runtime);
        println!("{}", figures.table());
        return servers.stop();
    }
    if let Some(only) = only {
        runtime.block_on(only.run(&servers));
        drop(runtime);
        return servers.stop();
    }
    let plan = if quick { Plan::quick() } else { Plan::whole() };
    let figures = runtime.block_on(run(&servers, &plan));
    drop(runtime);
    println!("{}", figures.table());
    figures.save(&servers.folder).expect("the results are kept");
    println!("{:.0} s; kept in {}", plan.elapsed().as_secs_f64(), servers.folder.display());
    servers.stop();
    if !figures.faults.is_empty() {
        std::process::exit(1);
    }
}

async fn run(servers: &BenchServers, plan: &Plan) -> Figures {
    let mut figures = Figures::beside(&servers.folder);
    let step = |what: &str| println!("{:>4.0} s  {what}", plan.elapsed().as_secs_f64());

    step("what a request costs");
    costs::run(servers, costs::CLIENTS, plan.costing, &mut figures).await;

    step("making the houses");
    let appends = Arc::new(servers.house("appends").await);
    execute(&appends.owner, pgbench::TABLES).await;
    #[cfg(feature = "baseline")]
    execute(&appends.owner, stock::TABLES).await;
    let (small, program, practice) = start_practice(servers, "small").await;
    let users = practice.mixed(USERS);
    tokio::time::sleep(Duration::from_millis(500)).await;
    figures.memory_mb.insert("idle".into(), program.memory_mb());

    // What the statements of pgbench are copied from.
    appends::run(&appends, appends::Kind::Booking, 1, Duration::from_millis(100)).await;
    for operation in [Operation::Register, Operation::Contact, Operation::Booking] {
        let build = practice.requests(operation, 1);
        load::closed(&practice.target, 1, Duration::from_millis(100), &build, operation.status()).await;
    }
    pgbench::write_scripts(servers, &appends, &small).await;

    step("a hundred users");
    let expected = |status| matches!(status, 200 | 201);
    let span = plan.allow(plan.watching * 2);
    let outcome = load::arriving(&practice.target, USERS, REQUESTS_A_SECOND, span, &users, expected).await;
    figures.rate("users_100", outcome.rate);
    note_latencies(&mut figures, "users_100", &outcome.micros);
    if outcome.failures > 0 {
        figures.faults.push(format!("a hundred users: {} requests failed", outcome.failures));
    }

    step("the slots of a month");
    if plan.has(plan.watching * 2) {
        slots::run(servers, plan.watching / 2, &mut figures).await;
    }

    step("two hundred logins at once");
    logins::run(&small, &practice, plan, &mut figures).await;

    watch_screens(&small, &practice, &program, plan, &mut figures, &step).await;

    step("rates of many clients");
    let contestants = Contestants { servers, appends: &appends, practice: &practice };
    throughput::run(&contestants, plan, &mut figures).await;
    step("filling the large practice");
    let (large, crowd) = fill_large(servers, plan, &mut figures).await;
    step("replaying its log");
    let replayed = replay_large(servers, &large, plan, &mut figures).await;
    if replayed {
        step("pages of the small and of the large practice");
        let program = Program::start(servers, &large, false).await;
        let crowd = Arc::new(Practice::new(program.target.clone(), crowd, Calendar::none()));
        compare_lists(&practice, &crowd, plan, &mut figures).await;
        program.stop();
    }

    step("rates of few clients");
    throughput::run_few(&contestants, plan, &mut figures).await;
    figures.memory_mb.insert("after_load".into(), program.memory_mb());
    program.stop();
    step("a large trail of accesses");
    trail::run(servers, plan, &mut figures).await;
    figures
}

/// A small practice and the program on it.
async fn start_practice(servers: &BenchServers, name: &'static str) -> (House, Program, Arc<Practice>) {
    let small = servers.house(name).await;
    let patients = fill::register(&small, 0..SMALL, Duration::from_secs(30)).await;
    // Its read models are filled by a first one: what it holds after that is not what it needs.
    let program = Program::start(servers, &small, true).await;
    wait_for_list(&Practice::new(program.target.clone(), patients.clone(), Calendar::none())).await;
    program.stop();
    let program = Program::start(servers, &small, true).await;
    let calendar = Calendar::open(&small, PRACTITIONERS).await;
    let practice = Arc::new(Practice::new(program.target.clone(), patients, calendar));
    (small, program, practice)
}

async fn wait_for_list(practice: &Practice) {
    for _ in 0..600 {
        let total = practice.target.get("/patients").await["total"].as_u64().unwrap_or_default();
        if total >= practice.patients.len() as u64 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the list of patients does not fill");
}

async fn watch_screens(
    house: &House,
    practice: &Arc<Practice>,
    program: &Program,
    plan: &Plan,
    figures: &mut Figures,
    step: &impl Fn(&str),
) {
    for (sockets, rate) in SCREENS {
        step(&format!("{sockets} live screens"));
        if !plan.has(plan.watching) {
            return;
        }
        let delays = sockets::run(house, practice, sockets, rate, plan.watching, || program.memory_mb()).await;
        note_latencies(figures, &format!("socket_delay_{sockets}"), &delays.micros);
        figures.memory_mb.insert(format!("sockets_{sockets}"), delays.memory_mb);
        if delays.missing > 0 {
            figures.faults.push(format!("{sockets} sockets: {} frames did not come", delays.missing));
        }
    }
}

async fn fill_large(servers: &BenchServers, plan: &Plan, figures: &mut Figures) -> (House, Vec<uuid::Uuid>) {
    let large = servers.house("large").await;
    let started = std::time::Instant::now();
    let crowd = fill::register(&large, 0..plan.patients, plan.allow(plan.filling)).await;
    figures.rate("fill_registrations", crowd.len() as f64 / started.elapsed().as_secs_f64());
    if (crowd.len() as u64) < plan.patients {
        println!("        the time was enough for {} patients only", crowd.len());
    }
    // What PostgreSQL would do by itself a little later.
    execute(&large.owner, "ANALYZE").await;
    (large, crowd)
}

/// Fills the read models of the large practice, and tells whether that came to an end.
async fn replay_large(servers: &BenchServers, large: &House, plan: &Plan, figures: &mut Figures) -> bool {
    figures.rate("copy_events", replay::copy(servers, large).await);
    figures.rate("log_read_forward", replay::read(large, plan.allow(plan.paging * 2)).await);
    let (rate, whole) = replay::run(large, Arc::new(Patients), plan.allow(plan.replaying)).await;
    figures.rate("replay_patients", rate);
    figures.rate("copy_events", replay::copy(servers, large).await);
    if !whole {
        figures.skipped.push("the end of the replay, and so the pages of the large practice".into());
        return false;
    }
    let (rate, whole) = replay::run(large, Arc::new(Facilities), plan.allow(plan.replaying)).await;
    figures.rate("replay_facilities", rate);
    execute(&large.owner, "ANALYZE").await;
    whole
}

async fn compare_lists(small: &Arc<Practice>, large: &Arc<Practice>, plan: &Plan, figures: &mut Figures) {
    let pages = lists::run(&[Arc::clone(small), Arc::clone(large)], plan.paging, 2).await;
    for (name, pages) in ["small", "large"].into_iter().zip(pages) {
        for (page, outcome) in pages {
            note_latencies(figures, &format!("{name}_{}", page.name()), &outcome.micros);
            if outcome.failures > 0 {
                figures.faults.push(format!("{name} {}: {} failed", page.name(), outcome.failures));
            }
        }
    }
}

fn note_latencies(figures: &mut Figures, name: &str, micros: &[u64]) {
    for (label, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        figures.latency_ms.insert(format!("{name}_{label}"), load::percentile(micros, share));
    }
}

/// A thousand sockets need more files than a shell usually allows.
fn allow_many_sockets() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a valid structure of this frame.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}
