//! The benchmark: what the house does in a second, beside what PostgreSQL itself does with the same rows in the same run.

mod appends;
mod pgbench;
mod servers;

use std::time::Duration;

use servers::BenchServers;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(4);
    let span = Duration::from_secs(seconds);
    let servers = tokio::task::spawn_blocking(BenchServers::start).await.expect("servers");
    servers.prepare().await;
    for clients in [1_u32, 8, 32] {
        let single = pgbench::run(&servers, pgbench::Script::SingleEvent, clients, span).await;
        let booking = pgbench::run(&servers, pgbench::Script::Booking, clients, span).await;
        println!("pgbench {clients:>2}: event {single:>8.0}/s  booking {booking:>8.0}/s");
    }
    for writers in [1_usize, 8, 32, 64] {
        let single = appends::run(&servers, appends::Kind::SingleEvent, writers, span).await;
        let booking = appends::run(&servers, appends::Kind::Booking, writers, span).await;
        println!("log     {writers:>2}: event {single:>8.0}/s  booking {booking:>8.0}/s");
    }
}
