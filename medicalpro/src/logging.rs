//! Structured log lines on standard error, for people or as JSON. They hold no personal data: a request is logged by route,
//! an error by kind, and a panic by its place.
//!
//! A thread of its own writes them. Whoever reads them may stall or go away: the program goes on, and counts the lines
//! that found no place.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// How many lines may wait to be written: some seconds of a busy server.
const WAITING_LINES: usize = 8192;

/// Lines that found no place, since the start.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// What is waiting when this is dropped is written, if that takes no longer than a second.
#[must_use]
pub struct Logging(#[expect(dead_code, reason = "it is kept to be dropped")] WorkerGuard);

/// Starts logging, once, for the whole program.
pub fn start(format: LogFormat, levels: &str) -> Logging {
    // The configuration has been checked; what was not falls back to the default level.
    let filter = EnvFilter::try_new(levels).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(std::io::stderr());
    let _ = DROPPED.set(writer.error_counter());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Logging(guard)
}

/// Sets the counter of the metrics to what was counted.
pub fn report() {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    metrics::counter!("log_lines_dropped_total").absolute(u64::try_from(dropped).unwrap_or(u64::MAX));
}

/// A panic's message may be built from anything; only one that is written in the source is known to hold no data.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not logged)");
    tracing::error!(place, message, "panic");
}
