//! Serves an interface until the program is told to stop: opens the sockets, says that it is ready, and stops in order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use poem_openapi::OpenApi;

use crate::auth::seed::SeededAccount;
use crate::auth::tokens::AccessTokens;
use crate::config::ServeConfig;
use crate::http::server::{Bound, PlainRoute, app};
use crate::metrics;
use crate::ready_file::{ReadyFile, ReadyReport};
use crate::shutdown::Shutdown;
use crate::welcome::welcome;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket cannot be opened.
    #[error("cannot listen on {address} ({setting}): {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The setting that says so.
        setting: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The file that says the server is ready cannot be written.
    #[error("cannot write the ready file (--ready-file): {0}")]
    ReadyFile(io::Error),
    /// The OpenAPI document cannot be made.
    #[error("the OpenAPI document is not valid: {0}")]
    Document(#[from] serde_json::Error),
    /// The sockets or the signals failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is served.
pub struct Interface<A> {
    /// The operations of the OpenAPI document: a tuple of the resources' structs.
    pub api: A,
    /// Paths beside it, such as the WebSocket.
    pub plain: Vec<PlainRoute>,
    /// How callers are known.
    pub tokens: Arc<AccessTokens>,
    /// What the metrics listener shows.
    pub metrics: PrometheusHandle,
    /// The accounts of the demo practice, for the ready file.
    pub accounts: Vec<SeededAccount>,
}

/// Serves until SIGINT or SIGTERM (or [`Shutdown::begin`]), then stops: no new connections, requests in flight finish,
/// background work ends. What runs underneath (the embedded servers) may be stopped after this returns.
pub async fn serve<A>(config: &ServeConfig, interface: Interface<A>, shutdown: &Shutdown) -> Result<(), ServeError>
where
    A: OpenApi + 'static,
{
    shutdown.on_signals()?;
    let app = app(interface.api, interface.plain, interface.tokens, config.limits())?;
    let http = open(config.listen, "--listen").await?;
    let exporter = match config.metrics_listen {
        Some(address) => Some(open(address, "--metrics-listen").await?),
        None => None,
    };
    let report = ReadyReport::new(http.address(), exporter.as_ref().map(Bound::address), interface.accounts);

    shutdown.spawn(metrics::keep_up(interface.metrics.clone(), shutdown.background()));
    if let Some(exporter) = exporter {
        let (endpoint, stop) = (metrics::endpoint(interface.metrics), shutdown.background());
        let grace = config.shutdown_timeout();
        shutdown.spawn(async move {
            if let Err(error) = exporter.serve(endpoint, stop, grace).await {
                tracing::error!(%error, "the metrics listener failed");
            }
        });
    }
    let ready = config.ready_file.as_deref().map(|path| ReadyFile::write(path, &report)).transpose();
    let ready = ready.map_err(ServeError::ReadyFile)?;
    tracing::info!(url = %report.url, metrics_url = report.metrics_url, "ready");
    if let Some(welcome) = welcome(&report) {
        // For people at a terminal; a server without the demo says nothing but its log.
        writeln!(io::stdout(), "{welcome}")?;
    }

    let served = http.serve(app, shutdown.serving(), config.shutdown_timeout()).await;
    drop(ready);
    if !shutdown.finish(config.shutdown_timeout()).await {
        tracing::warn!("background work did not end in time");
    }
    Ok(served?)
}

async fn open(address: SocketAddr, setting: &'static str) -> Result<Bound, ServeError> {
    Bound::open(address).await.map_err(|error| ServeError::Listen { address, setting, error })
}
