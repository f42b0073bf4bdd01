//! `make drill`: the long form of the fault drill. It ends with 1 when a promise was not kept.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use system_tests::drill::{Plan, hold};

/// Kills, freezes and restarts servers, PostgreSQL and NATS under load, and audits what is left.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many servers on one database.
    #[arg(long, env = "DRILL_SERVERS", default_value = "1")]
    servers: usize,
    /// How many writers, for each server.
    #[arg(long, env = "DRILL_CLIENTS", default_value = "32")]
    clients: usize,
    /// How many live screens.
    #[arg(long, env = "DRILL_SCREENS", default_value = "10")]
    screens: usize,
    /// How many minutes, at least.
    #[arg(long, env = "DRILL_MINUTES", default_value = "20")]
    minutes: f64,
    /// How many processes are killed, at least; five a minute if not given.
    #[arg(long, env = "DRILL_KILLS")]
    kills: Option<u32>,
    /// Whether the servers alone are struck, in turn, not what they stand on.
    #[arg(long, env = "DRILL_SERVERS_ONLY")]
    servers_only: bool,
    /// What decides what is left to chance; told, so that a drill can be repeated.
    #[arg(long, env = "DRILL_SEED")]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { servers, clients, screens, minutes, kills, servers_only, seed } = Arguments::parse();
    let seed = seed.unwrap_or_else(rand::random);
    println!("drill with seed {seed}: {servers} servers, {clients} writers each, {screens} screens, {minutes} minutes");
    let plan = Plan {
        servers,
        writers: clients * servers,
        clerks: clients * servers / 4,
        screens,
        thinking: Duration::from_millis(600),
        duration: Duration::from_secs_f64(minutes * 60.0),
        kills: kills.unwrap_or((minutes * 5.0) as u32),
        faults_per_audit: 8,
        between_faults: Duration::from_secs(4),
        servers_only,
        seed,
        talkative: true,
    };
    let summary = hold(&plan).await;
    println!("{summary}");
    for violation in &summary.violations {
        println!("VIOLATION: {violation}");
    }
    if summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
