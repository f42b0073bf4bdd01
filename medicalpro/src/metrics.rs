//! Metrics for Prometheus, on a listener of their own: they are for operators, not for the network that the API serves.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use poem::http::Method;
use poem::{Endpoint, Response, Route, RouteMethod, endpoint::make_sync};
use tokio_util::sync::CancellationToken;

use crate::{allocations, logging};

/// From half a millisecond to ten seconds: around the targets of 10, 50 and 200 ms.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Powers of two, for sizes of batches and queues.
const COUNTS: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];
/// How often [`keep_up`] works.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts recording, once, for the whole program. A histogram's name ends in its unit: `_seconds` or `_size`.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &COUNTS)?
        .install_recorder()
}

/// Folds what was recorded into the histograms from time to time, so that memory stays bounded when nobody scrapes.
pub async fn keep_up(handle: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// `GET /metrics`.
pub fn endpoint(handle: PrometheusHandle) -> impl Endpoint + 'static {
    let scrape = make_sync(move |_| {
        logging::report();
        if cfg!(feature = "count-allocations") {
            allocations::report();
        }
        Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
    });
    Route::new().at("/metrics", RouteMethod::new().method(Method::GET, scrape))
}
