//! A read model is filled from the first event on, by the code that does it in production. Beside it stands the fastest that
//! PostgreSQL itself gives the same table away.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Position;
use projections_engine::rebuild::rebuild;
use projections_engine::{Projection, install};

use crate::servers::{BenchServers, House};

/// Events a second through a projection that is rebuilt from the first to the last; it is given up at `patience`. Whether it
/// came to the end.
pub async fn run(house: &House, projection: Arc<dyn Projection>, patience: Duration) -> (f64, bool) {
    install(&house.owner, std::slice::from_ref(&projection)).await.expect("tables");
    let (started, mut applied) = (Instant::now(), Position::ZERO);
    let rebuilt = rebuild(&house.log, &house.owner, projection.as_ref(), |progress| applied = progress.position);
    let whole = match tokio::time::timeout(patience, rebuilt).await {
        Ok(outcome) => outcome.map(|_| true).expect("the read model is rebuilt"),
        Err(_) => false,
    };
    (applied.get() as f64 / started.elapsed().as_secs_f64(), whole)
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
