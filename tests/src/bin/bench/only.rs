//! One part of the benchmark alone, for as long as a profiler wants to look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use projections::patients::Patients;

use crate::figures::Figures;
use crate::load::{self, percentile};
use crate::plan::Plan;
use crate::program::Program;
use crate::requests::{Operation, Practice};
use crate::servers::{BenchServers, House};
use crate::{fill, lists, logins, replay, start_small, wait_for_list};

/// What is asked for, how often, for how long.
pub struct Only {
    part: Part,
    clients: usize,
    patients: u64,
    span: Duration,
}

enum Part {
    Operation(Operation),
    Lists,
    Logins,
    Replay,
}

impl Only {
    /// What the arguments ask for, if they name a part.
    pub fn asked_for() -> Option<Self> {
        let name = argument("--only")?;
        let part = match name.as_str() {
            "lists" => Part::Lists,
            "logins" => Part::Logins,
            "replay" => Part::Replay,
            _ => {
                let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
                let names = Operation::ALL.map(Operation::name);
                Part::Operation(
                    operation.unwrap_or_else(|| panic!("--only: lists, logins, replay or one of {names:?}")),
                )
            }
        };
        let number = |name, otherwise| argument(name).map_or(otherwise, |text| text.parse().expect("a number"));
        Some(Self {
            part,
            clients: usize::try_from(number("--clients", 32)).expect("not that many"),
            patients: number("--patients", 100_000),
            span: Duration::from_secs(number("--seconds", 10)),
        })
    }

    /// Does it, and prints the rate and how long the answers took.
    pub async fn run(&self, servers: &BenchServers) {
        match self.part {
            Part::Operation(operation) => self.repeat(operation, servers).await,
            Part::Replay => {
                let (house, _) = self.crowd(servers).await;
                self.replay(servers, &house).await;
            }
            Part::Logins => {
                let (small, program, practice) = start_small(servers).await;
                let mut figures = Figures::default();
                logins::run(&small, &practice, &Plan::whole(), &mut figures).await;
                println!("{}", figures.table());
                program.stop();
            }
            Part::Lists => {
                let (house, crowd) = self.crowd(servers).await;
                self.replay(servers, &house).await;
                let program = Program::start(servers, &house, false).await;
                let practice = Arc::new(Practice::new(program.target.clone(), crowd));
                wait_for_list(&practice).await;
                for (page, outcome) in lists::run(&[practice], self.span, 1).await.remove(0) {
                    let [half, most, last] = [0.5, 0.95, 0.99].map(|share| percentile(&outcome.micros, share));
                    let (name, failed) = (page.name(), outcome.failures);
                    println!("{name:<20} p50 {half:>7.2} ms  p95 {most:>7.2} ms  p99 {last:>7.2} ms  {failed} failed");
                }
                program.stop();
            }
        }
    }

    async fn repeat(&self, operation: Operation, servers: &BenchServers) {
        let (_small, program, practice) = start_small(servers).await;
        let build = practice.requests(operation, self.clients);
        println!("{} by {} clients", operation.name(), self.clients);
        let outcome = load::closed(&practice.target, self.clients, self.span, &build, operation.status()).await;
        let [half, most] = [0.5, 0.99].map(|share| percentile(&outcome.micros, share));
        println!("{:.0} a second, p50 {half:.2} ms, p99 {most:.2} ms, {} failed", outcome.rate, outcome.failures);
        program.stop();
    }

    /// A house with so many patients.
    async fn crowd(&self, servers: &BenchServers) -> (House, Vec<uuid::Uuid>) {
        let (house, started) = (servers.house("large").await, Instant::now());
        let crowd = fill::register(&house, 0..self.patients, Duration::MAX).await;
        println!("{} patients in {:.0} s", crowd.len(), started.elapsed().as_secs_f64());
        system_tests::cluster::execute(&house.owner, "ANALYZE").await;
        (house, crowd)
    }

    async fn replay(&self, servers: &BenchServers, house: &House) {
        let copied = replay::copy(servers, house).await;
        let read = replay::read(house, Duration::from_secs(3)).await;
        let (rate, _) = replay::run(house, Arc::new(Patients), Duration::from_secs(600)).await;
        println!("a second: copied {copied:.0}, read {read:.0}, replayed {rate:.0}");
    }
}

/// What follows an argument.
fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
