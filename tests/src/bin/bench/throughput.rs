//! Rates: what PostgreSQL, the stock event store, our log and our HTTP interface do in a second, in turn, round by round.

use std::sync::Arc;
use std::time::Duration;

use crate::figures::Figures;
use crate::plan::Plan;
use crate::requests::{Operation, Practice};
use crate::servers::{BenchServers, House};
use crate::{appends, load, pgbench};

/// All that takes part.
pub struct Contestants<'a> {
    pub servers: &'a BenchServers,
    pub appends: &'a Arc<House>,
    pub practice: &'a Arc<Practice>,
}

#[derive(Clone, Copy)]
enum Work {
    Pgbench(pgbench::Script),
    #[cfg(feature = "baseline")]
    Stock,
    Log(appends::Kind),
    Http(Operation),
}

impl Work {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = pgbench::Script::ALL.map(Self::Pgbench).to_vec();
        #[cfg(feature = "baseline")]
        all.push(Self::Stock);
        all.extend(appends::Kind::ALL.map(Self::Log));
        all.extend(Operation::ALL.map(Self::Http));
        all
    }

    fn name(self, clients: usize) -> String {
        match self {
            Self::Pgbench(script) => format!("pgbench_{}_{clients}", script.name()),
            #[cfg(feature = "baseline")]
            Self::Stock => format!("postgres_es_{clients}"),
            Self::Log(kind) => format!("log_{}_{clients}", kind.name()),
            Self::Http(operation) => format!("http_{}_{clients}", operation.name()),
        }
    }

    /// Sixty-four is what the log alone is asked to bear; pages for few clients say nothing new.
    fn is_done_by(self, clients: usize) -> bool {
        match self {
            Self::Log(_) => true,
            Self::Http(Operation::List | Operation::Search | Operation::Live) => clients == 32,
            // Measured by parts of their own.
            Self::Http(Operation::SlotsFirst | Operation::SlotsAll | Operation::Login) => false,
            Self::Http(Operation::Register | Operation::Contact | Operation::Booking | Operation::Get)
            | Self::Pgbench(_) => clients < 64,
            #[cfg(feature = "baseline")]
            Self::Stock => clients < 64,
        }
    }

    async fn run(self, contestants: &Contestants<'_>, clients: usize, span: Duration, figures: &mut Figures) -> f64 {
        let Contestants { servers, appends, practice } = contestants;
        match self {
            Self::Pgbench(script) => pgbench::run(servers, script, clients, span).await,
            #[cfg(feature = "baseline")]
            Self::Stock => {
                let metadata = serde_json::to_value(appends::metadata()).expect("JSON");
                crate::stock::run(servers, clients, span, &appends::booking(), &metadata).await
            }
            Self::Log(kind) => appends::run(appends, kind, clients, span).await,
            Self::Http(operation) => {
                let build = practice.requests(operation, clients);
                let outcome = load::closed(&practice.target, clients, span, &build, operation.status()).await;
                if outcome.failures > 0 {
                    figures.faults.push(format!("{}: {} failed", self.name(clients), outcome.failures));
                }
                outcome.rate
            }
        }
    }
}

/// The rates that the design speaks of, in every round.
pub async fn run(contestants: &Contestants<'_>, plan: &Plan, figures: &mut Figures) {
    for _ in 0..plan.rounds {
        for clients in [32, 64] {
            run_with(contestants, clients, plan, figures).await;
        }
    }
}

/// The rates of few clients, who wait for the disk, once.
pub async fn run_few(contestants: &Contestants<'_>, plan: &Plan, figures: &mut Figures) {
    for clients in [8, 1] {
        run_with(contestants, clients, plan, figures).await;
    }
}

async fn run_with(contestants: &Contestants<'_>, clients: usize, plan: &Plan, figures: &mut Figures) {
    for work in Work::all().into_iter().filter(|work| work.is_done_by(clients)) {
        if !plan.has(plan.span) {
            figures.skipped.push(work.name(clients));
            continue;
        }
        let rate = work.run(contestants, clients, plan.span, figures).await;
        figures.rate(work.name(clients), rate);
    }
}
