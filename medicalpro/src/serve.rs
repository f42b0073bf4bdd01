//! Serves an interface until the program is told to stop: opens the sockets, says that it is ready, and stops in order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use event_store_schema::AccessTrail;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use accounts::seed::SeededAccount;
use accounts::sessions::Sessions;
use accounts::tokens::AccessTokens;
use frame::mounting::{Frame, FrameError};
use frame::server::{Bound, FrameSettings, ServeTlsError};
use frame::shutdown::Shutdown;
use frame::tls::{Certificate, TlsError};

use crate::config::ServeConfig;
use crate::metrics;
use crate::ready_file::{ReadyFile, ReadyReport};
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
    /// The TLS certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The file that says the server is ready cannot be written.
    #[error("cannot write the ready file (--ready-file): {0}")]
    ReadyFile(io::Error),
    /// The operations are not fit to be served.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The sockets or the signals failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is served.
pub struct Interface {
    /// The operations, and the paths beside them.
    pub frame: Frame,
    /// Where refused tries are traced.
    pub trail: AccessTrail,
    /// How callers are known.
    pub tokens: Arc<AccessTokens>,
    /// Who proved lately who they are.
    pub sessions: Sessions,
    /// What the metrics listener shows.
    pub metrics: PrometheusHandle,
    /// The accounts of the demo practice, for the ready file.
    pub accounts: Vec<SeededAccount>,
}

/// Serves until SIGINT or SIGTERM (or [`Shutdown::begin`]), then stops: no new connections, requests in flight finish,
/// background work ends. What runs underneath (the embedded servers) may be stopped after this returns.
pub async fn serve(config: &ServeConfig, interface: Interface, shutdown: &Shutdown) -> Result<(), ServeError> {
    shutdown.on_signals()?;
    let (trail, sessions) = (Some(interface.trail), Some(interface.sessions));
    let frame = FrameSettings { trail, sessions, ..config.frame() };
    let app = interface.frame.app(&interface.tokens, frame)?;
    let certificate = config.tls().map(Certificate::open).transpose()?;
    if let Some(certificate) = certificate.clone() {
        // From here on the signal ends nothing, also while the task is started again.
        drop(signal(SignalKind::hangup())?);
        shutdown.tasks().start("TLS certificate", move |stop| renew_on_signal(certificate.clone(), stop));
    }
    let http = open(config.listen(), "--listen").await?;
    let exporter = match config.metrics_listen {
        Some(address) => Some(open(address, "--metrics-listen").await?),
        None => None,
    };
    let report = ReadyReport::new(
        http.address(),
        certificate.is_some(),
        exporter.as_ref().map(Bound::address),
        interface.accounts,
    );

    let recorded = interface.metrics.clone();
    shutdown.tasks().start("metrics upkeep", move |stop| metrics::keep_up(recorded.clone(), stop));
    if let Some(exporter) = exporter {
        let (address, grace) = (exporter.address(), config.shutdown_timeout());
        // The socket is open before the server is ready; a listener that is started again opens the same address.
        let exporter = Mutex::new(Some(exporter));
        shutdown.tasks().start("metrics listener", move |stop| {
            let opened = exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
            let endpoint = metrics::endpoint(interface.metrics.clone());
            async move {
                let bound = match opened {
                    Some(bound) => bound,
                    None => Bound::open(address).await?,
                };
                bound.serve(endpoint, stop, grace).await
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

    let grace = config.shutdown_timeout();
    let served = match certificate {
        Some(certificate) => http.serve_tls(app, &certificate, shutdown.serving(), grace).await,
        None => http.serve(app, shutdown.serving(), grace).await.map_err(ServeTlsError::Io),
    };
    drop(ready);
    if !shutdown.finish(config.shutdown_timeout()).await {
        tracing::warn!("background work did not end in time");
    }
    served.map_err(|error| match error {
        ServeTlsError::Tls(error) => error.into(),
        ServeTlsError::Io(error) => error.into(),
    })
}

/// Reads the certificate again at every SIGHUP. One that cannot be used leaves the old one in use.
async fn renew_on_signal(certificate: Certificate, stop: CancellationToken) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
        match certificate.reload() {
            Ok(()) => tracing::info!("the TLS certificate was read again"),
            Err(error) => tracing::error!(%error, "the TLS certificate is not renewed"),
        }
    }
    Ok(())
}

async fn open(address: SocketAddr, setting: &'static str) -> Result<Bound, ServeError> {
    Bound::open(address).await.map_err(|error| ServeError::Listen { address, setting, error })
}
