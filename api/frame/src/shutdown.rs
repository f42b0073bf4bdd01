//! Stopping in order: first nothing new is accepted and open sockets are told to close, then requests in flight finish,
//! then background work stops at a safe point, and only then the servers underneath.

use std::io;
use std::time::Duration;

use event_store_schema::tasks::Tasks;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The close code of a WebSocket whose server goes away (RFC 6455, section 7.4.1).
pub const GOING_AWAY: u16 = 1001;

/// Tells the parts of the program when to stop, and waits until they have.
#[derive(Clone)]
pub struct Shutdown {
    /// Cancelled first: nothing new is accepted, long-lived streams and sockets end.
    serving: CancellationToken,
    /// Cancelled when no request is in flight any more.
    background: CancellationToken,
    tasks: Tasks,
}

impl Default for Shutdown {
    fn default() -> Self {
        let background = CancellationToken::new();
        Self { serving: CancellationToken::new(), tasks: Tasks::new(background.clone()), background }
    }
}

impl Shutdown {
    /// A fresh one; nothing is stopping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled as soon as the server is to stop. WebSockets close with [`GOING_AWAY`] on it.
    pub fn serving(&self) -> CancellationToken {
        self.serving.clone()
    }

    /// Cancelled once no request is in flight. Projectors, publishers and sealers end at their next safe point on it.
    pub fn background(&self) -> CancellationToken {
        self.background.clone()
    }

    /// The background tasks: supervised, stopped with [`background`](Self::background), and waited for at the end.
    pub const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Begins to stop.
    pub fn begin(&self) {
        self.serving.cancel();
    }

    /// Waits for SIGINT or SIGTERM, then begins to stop. A second signal ends the program at once.
    pub fn on_signals(&self) -> io::Result<()> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = interrupt.recv() => "SIGINT",
                    _ = terminate.recv() => "SIGTERM",
                }
            };
            let name = next().await;
            tracing::info!(signal = name, "stopping; the same again stops at once");
            shutdown.begin();
            next().await;
            std::process::exit(130);
        });
        Ok(())
    }

    /// Stops the background work and waits for it, but no longer than this. `false` if some did not end.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.serving.cancel();
        self.background.cancel();
        tokio::time::timeout(patience, self.tasks.ended()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn background_work_goes_on_until_the_requests_are_done() {
        let shutdown = Shutdown::new();
        shutdown.tasks().start("work", |stop| async move { stop.cancelled().await });
        shutdown.begin();
        assert!(shutdown.serving().is_cancelled() && !shutdown.background().is_cancelled());
        assert!(shutdown.finish(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_end_is_not_waited_for_for_ever() {
        let shutdown = Shutdown::new();
        shutdown.tasks().start("work", |_stop| std::future::pending::<()>());
        assert!(!shutdown.finish(Duration::from_secs(1)).await);
    }
}
