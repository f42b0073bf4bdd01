//! How load is made. In a closed loop, each client begins anew when it has its answer: for rates. In an open loop, requests
//! come at their time whether or not the server keeps up: for latencies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use tokio::task::JoinSet;

use crate::http::{Connection, Target};

/// What a load led to.
#[derive(Default)]
pub struct Outcome {
    /// Answers a second.
    pub rate: f64,
    /// How long each took, in microseconds.
    pub micros: Vec<u64>,
    /// Answers of another status than expected.
    pub failures: u64,
}

impl Outcome {
    /// Adds another one of the same kind.
    pub fn join(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.failures += other.failures;
    }
}

/// The value that this share of the microseconds stays under, in milliseconds.
pub fn percentile(micros: &[u64], share: f64) -> f64 {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
}

/// How often a second so many tasks do something that takes a while, each again as soon as it is done.
pub async fn repeat<F, W>(tasks: usize, span: Duration, work: W) -> f64
where
    F: Future<Output = bool> + Send + 'static,
    W: Fn(usize) -> F + Clone + Send + 'static,
{
    let started = Instant::now();
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let work = work.clone();
        running.spawn(async move {
            let mut done = 0_u64;
            while started.elapsed() < span {
                assert!(work(task).await, "the work is done");
                done += 1;
            }
            done
        });
    }
    let done: u64 = running.join_all().await.into_iter().sum();
    done as f64 / started.elapsed().as_secs_f64()
}

/// Makes the next request of a connection, by its number.
pub type Build = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// Each connection sends its next request when it has its answer.
pub async fn closed(target: &Target, connections: usize, span: Duration, build: &Build, expected: u16) -> Outcome {
    let opened = open(target, connections).await;
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (number, mut connection) in opened.into_iter().enumerate() {
        let build = Arc::clone(build);
        running.spawn(async move {
            let (mut micros, mut failures) = (Vec::new(), 0);
            while started.elapsed() < span {
                let sent = Instant::now();
                if connection.call(&build(number)).await == expected {
                    micros.push(sent.elapsed().as_micros() as u64);
                } else {
                    failures += 1;
                }
            }
            Outcome { rate: 0.0, micros, failures }
        });
    }
    let mut outcome = gather(running).await;
    outcome.rate = outcome.micros.len() as f64 / started.elapsed().as_secs_f64();
    outcome
}

/// Requests come at `rate` a second in all, spread over the connections like users. Latency counts from the moment that a
/// request was due: one that had to wait for the answer to the one before it was late as well.
pub async fn arriving(
    target: &Target,
    connections: usize,
    rate: f64,
    span: Duration,
    build: &Build,
    expected: fn(u16) -> bool,
) -> Outcome {
    let opened = open(target, connections).await;
    let pause = Duration::from_secs_f64(connections as f64 / rate);
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (number, mut connection) in opened.into_iter().enumerate() {
        let build = Arc::clone(build);
        let mut due = started + pause.mul_f64(rand::rng().random_range(0.0..1.0));
        running.spawn(async move {
            let (mut micros, mut failures) = (Vec::new(), 0);
            while due < started + span && started.elapsed() < span * 2 {
                let request = build(number);
                if Instant::now() < due {
                    // The timer may fire a millisecond late. That is no fault of the server.
                    tokio::time::sleep_until(due.into()).await;
                    due = Instant::now();
                }
                if expected(connection.call(&request).await) {
                    micros.push(due.elapsed().as_micros() as u64);
                } else {
                    failures += 1;
                }
                due += pause.mul_f64(rand::rng().random_range(0.5..1.5));
            }
            Outcome { rate: 0.0, micros, failures }
        });
    }
    let mut outcome = gather(running).await;
    outcome.rate = outcome.micros.len() as f64 / started.elapsed().as_secs_f64();
    outcome
}

async fn open(target: &Target, connections: usize) -> Vec<Connection> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(target).await);
    }
    opened
}

async fn gather(running: JoinSet<Outcome>) -> Outcome {
    let mut all = Outcome::default();
    for outcome in running.join_all().await {
        all.join(outcome);
    }
    all
}
