//! One operation alone, for as long as a profiler wants to look.

use std::time::Duration;

use crate::load::{self, percentile};
use crate::requests::Operation;
use crate::servers::BenchServers;
use crate::start_small;

/// What is asked for, by how many, for how long.
pub struct Only {
    operation: Operation,
    clients: usize,
    span: Duration,
}

impl Only {
    /// What the arguments ask for, if they name an operation.
    pub fn asked_for() -> Option<Self> {
        let name = argument("--only")?;
        let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
        let number = |name, otherwise| argument(name).map_or(otherwise, |text| text.parse().expect("a number"));
        Some(Self {
            operation: operation.unwrap_or_else(|| panic!("--only: one of {:?}", Operation::ALL.map(Operation::name))),
            clients: number("--clients", 32),
            span: Duration::from_secs(number("--seconds", 10) as u64),
        })
    }

    /// Does it, and prints the rate and how long the answers took.
    pub async fn run(&self, servers: &BenchServers) {
        let (_small, program, practice) = start_small(servers).await;
        let build = practice.requests(self.operation, self.clients);
        println!("{} by {} clients", self.operation.name(), self.clients);
        let outcome = load::closed(&practice.target, self.clients, self.span, &build, self.operation.status()).await;
        let [half, most] = [0.5, 0.99].map(|share| percentile(&outcome.micros, share));
        println!("{:.0} a second, p50 {half:.2} ms, p99 {most:.2} ms, {} failed", outcome.rate, outcome.failures);
        program.stop();
    }
}

/// What follows an argument.
fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
