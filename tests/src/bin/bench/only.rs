//! One part of the benchmark alone, for as long as a profiler wants to look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::{CommandContext, Commands};
use domain::ids::AppointmentId;
use projections::patients::Patients;
use projections_engine::Projections;
use uuid::Uuid;

use crate::calendar::Calendar;
use crate::costs::{self, Load, Meter};
use crate::figures::Figures;
use crate::load::{self, percentile};
use crate::pgbench::{self, Script};
use crate::plan::Plan;
use crate::program::Program;
use crate::requests::{Operation, Practice};
use crate::servers::{BenchServers, House};
use crate::{fill, lists, logins, replay, slots, start_practice, wait_for_list};

/// What is asked for, how often, for how long.
pub struct Only {
    part: Part,
    clients: usize,
    patients: u64,
    span: Duration,
}

enum Part {
    Operation(Operation),
    Commands,
    Costs,
    Lists,
    Logins,
    Replay,
    Slots,
}

impl Only {
    /// What the arguments ask for, if they name a part.
    pub fn asked_for() -> Option<Self> {
        let name = argument("--only")?;
        let part = match name.as_str() {
            "commands" => Part::Commands,
            "costs" => Part::Costs,
            "lists" => Part::Lists,
            "logins" => Part::Logins,
            "replay" => Part::Replay,
            "slots" => Part::Slots,
            _ => {
                let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
                let names = Operation::ALL.map(Operation::name);
                Part::Operation(operation.unwrap_or_else(|| {
                    panic!("--only: commands, costs, lists, logins, replay, slots or one of {names:?}")
                }))
            }
        };
        // Costs are of many operations.
        let seconds = if matches!(part, Part::Costs) { 3 } else { 10 };
        let number = |name, otherwise| argument(name).map_or(otherwise, |text| text.parse().expect("a number"));
        Some(Self {
            part,
            clients: usize::try_from(number("--clients", 32)).expect("not that many"),
            patients: number("--patients", 100_000),
            span: Duration::from_secs(number("--seconds", seconds)),
        })
    }

    /// Does it, and prints the rate and how long the answers took.
    pub async fn run(&self, servers: &BenchServers) {
        match self.part {
            Part::Operation(operation) => self.repeat(operation, servers).await,
            Part::Commands => self.book(servers).await,
            Part::Costs => {
                // What is kept is of so many clients, and others would not compare with it.
                let kept = self.clients == costs::CLIENTS;
                let mut figures = if kept { Figures::beside(&servers.folder) } else { Figures::default() };
                costs::run(servers, self.clients, self.span, &mut figures).await;
                println!("{}", figures.costs.table());
                assert!(figures.faults.is_empty(), "{:?}", figures.faults);
                if kept {
                    figures.save_costs(&servers.folder).expect("the results are kept");
                }
            }
            Part::Replay => {
                let (house, _) = self.crowd(servers).await;
                self.replay(servers, &house).await;
            }
            Part::Logins => {
                let (small, program, practice) = start_practice(servers, "small").await;
                let mut figures = Figures::default();
                logins::run(&small, &practice, &Plan::whole(), &mut figures).await;
                println!("{}", figures.table());
                program.stop();
            }
            Part::Slots => {
                let mut figures = Figures::default();
                slots::run(servers, self.span, &mut figures).await;
                println!("{}", figures.table());
            }
            Part::Lists => {
                let (house, crowd) = self.crowd(servers).await;
                self.replay(servers, &house).await;
                let program = Program::start(servers, &house, false).await;
                let practice = Arc::new(Practice::new(program.target.clone(), crowd, Calendar::none()));
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
        let (small, program, practice) = start_practice(servers, "small").await;
        if operation == Operation::Login {
            logins::hire(&small).await;
        }
        let build = practice.requests(operation, self.clients);
        println!("{} by {} clients", operation.name(), self.clients);
        let load = Load { target: &practice.target, clients: self.clients, build: &build, status: operation.status() };
        let (outcome, cost) = Meter::start(servers, &program).await.measure(&load, self.span).await;
        let [half, most] = [0.5, 0.99].map(|share| percentile(&outcome.micros, share));
        println!("{:.0} a second, p50 {half:.2} ms, p99 {most:.2} ms, {} failed", outcome.rate, outcome.failures);
        println!("{}", cost.line());
        if let Some(script) = operation.baseline() {
            pgbench::write_script(servers, script, &small).await;
            self.compare(outcome.rate, script, servers).await;
        }
        program.stop();
    }

    /// Bookings without HTTP: what commands, log and read models do.
    async fn book(&self, servers: &BenchServers) {
        let house = servers.house("small").await;
        let patients: Arc<Vec<Uuid>> = fill::register(&house, 0..crate::SMALL, Duration::MAX).await.into();
        let calendar = Arc::new(Calendar::open(&house, crate::PRACTITIONERS).await);
        let commands = Commands::new(house.log.clone());
        let installed = projections_engine::install(&house.owner, &projections::all()).await;
        installed.expect("the tables of the read models");
        let shown = Projections::start(house.log.clone(), projections::all());
        let (facility, shows) = (house.facility, shown.clone());
        let rate = load::repeat(self.clients, self.span, move |_| {
            let (commands, shown) = (commands.clone(), shows.clone());
            let command = calendar.command(&patients);
            async move {
                let (id, context) = (AppointmentId(Uuid::now_v7()), CommandContext::system(facility));
                let booked = commands.change_appointment(id, &command, &context).await.expect("the time is free");
                shown.wait_for(booked.position.expect("it was written"), Duration::from_secs(2)).await
            }
        });
        let rate = rate.await;
        println!("{rate:.0} a second");
        shown.stop().await;
        pgbench::write_script(servers, Script::Appointment, &house).await;
        self.compare(rate, Script::Appointment, servers).await;
    }

    /// What PostgreSQL does of the same rows, right afterwards.
    async fn compare(&self, rate: f64, script: Script, servers: &BenchServers) {
        let house = servers.house("appends").await;
        system_tests::cluster::execute(&house.owner, pgbench::TABLES).await;
        let baseline = pgbench::run(servers, script, self.clients, self.span).await;
        println!("pgbench {}: {baseline:.0} a second, ratio {:.2}", script.name(), rate / baseline);
    }

    /// A house with so many patients.
    async fn crowd(&self, servers: &BenchServers) -> (House, Vec<Uuid>) {
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
