//! What a request costs: processor time of the program, of PostgreSQL and of NATS, and what the program allocates. A noisy
//! machine makes requests slower; what they cost it hardly changes.

use std::time::{Duration, Instant};

use system_tests::cluster::execute;

use crate::calendar::SLOTS_A_DAY;
use crate::cost_table::Cost;
use crate::figures::Figures;
use crate::http::Target;
use crate::lists::{self, Page};
use crate::load::{self, Build, Outcome};
use crate::program::{Allocated, Program};
use crate::requests::Operation;
use crate::servers::BenchServers;
use crate::{PRACTITIONERS, logins, processor, slots, start_practice};

/// The clients of every operation in the table.
pub const CLIENTS: usize = 32;
/// How long an operation is repeated before it is measured: connections are opened and plans are made.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long the servers are watched at a time for whether they still work, and how many microseconds of work are none.
const WATCHED: Duration = Duration::from_millis(100);
const QUIET: f64 = 8_000.0;
/// How long they are watched to find what they spend without requests.
const IDLE: Duration = Duration::from_secs(1);
/// How long what answers left to be done may take.
const PATIENCE: Duration = Duration::from_secs(10);
const BOOKINGS: u64 = 5_000;
/// The ways to ask for patients that no [`Operation`] is.
const PAGES: [(Page, &str); 3] = [
    (Page::First, "GET patients"),
    (Page::DeepCursor, "GET patients?cursor="),
    (Page::OneWord, "GET patients?search=, one word"),
];

/// Measures every operation for `span`, in a new practice with a program of its own: so the figures are the same alone and in
/// a whole run. Autovacuum is off meanwhile, for it would count to whatever runs when it comes.
pub async fn run(servers: &BenchServers, clients: usize, span: Duration, figures: &mut Figures) {
    let postgres = servers.owner("postgres");
    set_autovacuum(servers, "SET autovacuum = off").await;
    let (house, program, practice) = start_practice(servers, "costs").await;
    let times = slots::DAYS * SLOTS_A_DAY * PRACTITIONERS as u64;
    practice.calendar.fill(&house, &practice.patients, BOOKINGS, times).await;
    logins::hire(&house).await;
    let meter = Meter::start(servers, &program).await;
    execute(&house.owner, "VACUUM ANALYZE").await;

    let mut pages = lists::requests(&practice).await;
    let pages = PAGES.map(|(page, request)| (page.name(), request, pages.remove(&page).expect("all pages"), 200));
    let operation = |operation: Operation| {
        (operation.name(), operation.request(), practice.requests(operation, clients), operation.status())
    };
    // What is read is the same in every run as long as nobody has written.
    let (writes, reads): (Vec<_>, Vec<_>) = Operation::ALL.into_iter().partition(|operation| operation.writes());
    let rows = reads.into_iter().map(operation).chain(pages).chain(writes.into_iter().map(operation));
    for (name, request, build, status) in rows {
        let load = Load { target: &practice.target, clients, build: &build, status };
        let (outcome, cost) = meter.measure(&load, span).await;
        if outcome.failures > 0 {
            figures.faults.push(format!("costs of {name}: {} failed", outcome.failures));
        }
        figures.costs.add(name, request, cost);
    }

    program.stop();
    drop(house);
    execute(&postgres, "DROP DATABASE costs WITH (FORCE)").await;
    set_autovacuum(servers, "RESET autovacuum").await;
}

async fn set_autovacuum(servers: &BenchServers, setting: &str) {
    let postgres = servers.owner("postgres");
    execute(&postgres, &format!("ALTER SYSTEM {setting}")).await;
    execute(&postgres, "SELECT pg_reload_conf()").await;
}

/// Requests of one kind, each client's next when it has its answer.
pub struct Load<'a> {
    pub target: &'a Target,
    pub clients: usize,
    pub build: &'a Build,
    pub status: u16,
}

impl Load<'_> {
    async fn run(&self, span: Duration) -> Outcome {
        load::closed(self.target, self.clients, span, self.build, self.status).await
    }
}

/// Reads what the servers of a practice spend.
pub struct Meter<'a> {
    servers: &'a BenchServers,
    program: &'a Program,
    /// What they spend in a second when nobody asks.
    idle: Spent,
}

/// Processor time in microseconds, and what the program allocated.
#[derive(Default)]
struct Spent {
    program: f64,
    postgres: f64,
    nats: f64,
    allocated: Option<Allocated>,
}

impl<'a> Meter<'a> {
    /// Waits until the servers have nothing left to do, and watches them do nothing.
    pub async fn start(servers: &'a BenchServers, program: &'a Program) -> Self {
        let mut meter = Self { servers, program, idle: Spent::default() };
        meter.settle().await;
        let (before, started) = (meter.read().await, Instant::now());
        tokio::time::sleep(IDLE).await;
        let (after, seconds) = (meter.read().await, started.elapsed().as_secs_f64());
        meter.idle = after.with(&before, |after, before| (after - before) / seconds);
        meter
    }

    /// Runs a load, and divides by its requests what the servers spent on it: work that outlasts the answers too, and not what
    /// they would have spent without it.
    pub async fn measure(&self, load: &Load<'_>, span: Duration) -> (Outcome, Cost) {
        load.run(WARM_UP).await;
        self.settle().await;
        let (before, started) = (self.read().await, Instant::now());
        let outcome = load.run(span).await;
        self.settle().await;
        let (after, seconds) = (self.read().await, started.elapsed().as_secs_f64());
        let requests = outcome.micros.len() as f64 + outcome.failures as f64;
        let spent = after.with(&before, |after, before| after - before);
        let each = spent.with(&self.idle, |spent, idle| ((spent - idle * seconds) / requests).max(0.0));
        let cost = Cost {
            requests_a_second: outcome.rate,
            program_us: each.program,
            postgres_us: each.postgres,
            nats_us: each.nats,
            allocations: each.allocated.as_ref().map(|allocated| allocated.allocations),
            allocated_bytes: each.allocated.as_ref().map(|allocated| allocated.bytes),
        };
        (outcome, cost)
    }

    /// Waits until the servers have nothing left to do.
    async fn settle(&self) {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let before = self.processor_time();
            tokio::time::sleep(WATCHED).await;
            let worked = self.processor_time().iter().sum::<f64>() - before.iter().sum::<f64>();
            if worked < QUIET {
                return;
            }
        }
    }

    /// Since the start of each server.
    async fn read(&self) -> Spent {
        let allocated = self.program.allocated().await;
        let [program, postgres, nats] = self.processor_time();
        Spent { program, postgres, nats, allocated }
    }

    fn processor_time(&self) -> [f64; 3] {
        let servers = &self.servers.servers;
        let program = processor::of_process(self.program.pid());
        let postgres = processor::of_family(servers.postgres_pid().expect("PostgreSQL runs"));
        let nats = processor::of_process(servers.nats_pid().expect("NATS runs"));
        [program, postgres, nats].map(|time| time.as_secs_f64() * 1e6)
    }
}

impl Spent {
    /// Every figure of it, taken together with the same figure of another.
    fn with(&self, other: &Self, together: impl Fn(f64, f64) -> f64) -> Self {
        let allocated = self.allocated.as_ref().zip(other.allocated.as_ref()).map(|(one, other)| Allocated {
            allocations: together(one.allocations, other.allocations),
            bytes: together(one.bytes, other.bytes),
        });
        Self {
            program: together(self.program, other.program),
            postgres: together(self.postgres, other.postgres),
            nats: together(self.nats, other.nats),
            allocated,
        }
    }
}
