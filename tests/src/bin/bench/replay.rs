//! A read model filled from the first event on, by the code that does it in production, against the fastest that
//! PostgreSQL itself gives the same table away.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Position;
use projections::{Projection, Projections, install};

use crate::servers::{BenchServers, House};

/// Events a second through a projection that is installed anew; it stops at `patience`. Whether it came to the end.
pub async fn run(house: &House, projection: Arc<dyn Projection>, patience: Duration) -> (f64, bool) {
    let projections = vec![projection];
    install(&house.owner, &projections).await.expect("tables");
    let head = house.log.head().await.expect("the log answers");
    let started = Instant::now();
    let running = Projections::start(house.log.clone(), projections);
    let shown = || running.status().first().map_or(Position::ZERO, |status| status.position);
    while shown() < head && started.elapsed() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (applied, took) = (shown(), started.elapsed());
    running.stop().await;
    (applied.get() as f64 / took.as_secs_f64(), applied >= head)
}

/// Events a second that are read from the log as a projection reads them, decrypted and upcast, and then dropped.
pub async fn read(house: &House, patience: Duration) -> f64 {
    let (started, mut position, mut read) = (Instant::now(), Position::ZERO, 0_usize);
    while started.elapsed() < patience {
        let events = house.log.read_forward(position, 1000).await.expect("the log answers");
        let Some(last) = events.last() else { break };
        position = last.position;
        read += events.len();
    }
    read as f64 / started.elapsed().as_secs_f64()
}

/// Events a second that leave by `COPY … TO STDOUT`.
pub async fn copy(servers: &BenchServers, house: &House) -> f64 {
    let events = house.log.head().await.expect("the log answers").get();
    let started = Instant::now();
    servers.run("psql", house.name, &["-qc", "COPY log.events TO STDOUT"], Stdio::null()).await;
    events as f64 / started.elapsed().as_secs_f64()
}
