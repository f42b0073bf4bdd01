//! Keeps one server alive, on a thread of its own: starts it, watches it, starts it again when it dies, and stops it. The
//! thread lives as long as its server, so a runtime may not retire it. The kernel ends a process with the *thread* that
//! started it (see `process`).
//!
//! If a server hangs without dying, it is left alone. Its clients have time-outs, and health says so.

use std::convert::Infallible;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::EmbeddedError;
use super::folder;
use super::process::{self, PULSE, Step};

/// How long a server may take until it answers; replaying a long log after a crash takes a while.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How often a long start is mentioned.
const START_NOTICE: Duration = Duration::from_secs(10);
/// How often a running server is looked at.
const WATCH: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server that ran this long was well: its next death is a first one again.
const WELL: Duration = Duration::from_secs(60);

/// A server that can be supervised.
pub(super) trait Server: Send + 'static {
    /// Its name in messages.
    const NAME: &'static str;
    /// How it is ended, from polite to final.
    const END: &'static [Step];

    /// The processes of this server in this data folder, left over or running.
    fn processes(&self) -> Vec<i32>;
    /// Lays out the files that the server starts from. No process of it is there when this is called.
    fn prepare(&mut self) -> Result<(), EmbeddedError>;
    /// The command that starts it.
    fn command(&self) -> Command;
    /// Where its standard error goes.
    fn start_log(&self) -> PathBuf;
    /// Whether the server that runs as `pid` answers.
    fn is_ready(&mut self, pid: u32) -> bool;
}

/// A server and the thread that keeps it.
#[derive(Debug)]
pub(super) struct Supervised {
    name: &'static str,
    /// Dropping it asks the thread to stop the server.
    keep: Option<Sender<Infallible>>,
    ready: Receiver<Result<(), EmbeddedError>>,
    thread: Option<JoinHandle<Result<(), EmbeddedError>>>,
    /// 0 while it is down.
    pid: Arc<AtomicU32>,
}

impl Supervised {
    /// Begins to start the server.
    pub(super) fn launch<S: Server>(server: S) -> Result<Self, EmbeddedError> {
        let (keep, kept) = mpsc::channel();
        let (report, ready) = mpsc::channel();
        let pid = Arc::new(AtomicU32::new(0));
        let mut keeper = Keeper { server, kept, pid: Arc::clone(&pid) };
        let thread = thread::Builder::new()
            .name(format!("keeps {}", S::NAME))
            .spawn(move || keeper.run(&report))
            .map_err(|source| EmbeddedError::Io { doing: format!("starting a thread for {}", S::NAME), source })?;
        Ok(Self { name: S::NAME, keep: Some(keep), ready, thread: Some(thread), pid })
    }

    /// Waits until the server answers for the first time.
    pub(super) fn until_ready(&mut self) -> Result<(), EmbeddedError> {
        self.ready.recv().unwrap_or_else(|_| Err(not_started(self.name, "its thread ended", String::new())))
    }

    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Asks for the server's end, without waiting for it.
    pub(super) fn ask_to_stop(&mut self) {
        self.keep = None;
    }

    /// Waits for the server's end.
    pub(super) fn until_stopped(&mut self) -> Result<(), EmbeddedError> {
        self.ask_to_stop();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or(Err(EmbeddedError::StopForced { server: self.name }))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Err(error) = self.until_stopped() {
            tracing::warn!(%error, "an embedded server was not stopped cleanly");
        }
    }
}

/// The thread's side.
struct Keeper<S> {
    server: S,
    kept: Receiver<Infallible>,
    pid: Arc<AtomicU32>,
}

/// What became of an attempt to start.
enum Start {
    Ready(Child),
    /// It was no longer wanted meanwhile, and is gone.
    Unwanted,
}

impl<S: Server> Keeper<S> {
    /// Returns when the server has ended for good, with an error if force was needed.
    fn run(&mut self, report: &Sender<Result<(), EmbeddedError>>) -> Result<(), EmbeddedError> {
        let mut child = match self.start() {
            Ok(Start::Ready(child)) => child,
            Ok(Start::Unwanted) => return Ok(()),
            Err(error) => {
                // Nobody listens any more when the other server failed first; then this failure is beside the point.
                let _ = report.send(Err(error));
                return Ok(());
            }
        };
        let _ = report.send(Ok(()));
        let mut ready_since = Instant::now();
        let mut pause = FIRST_PAUSE;
        while self.wanted_after(WATCH) {
            let Some(status) = ended(&mut child) else { continue };
            if ready_since.elapsed() > WELL {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(server = S::NAME, end = %describe(status), "an embedded server died; starting it again");
            match self.start_again(&mut pause) {
                Start::Ready(again) => child = again,
                Start::Unwanted => return Ok(()),
            }
            ready_since = Instant::now();
        }
        self.stop(child)
    }

    /// False once the server is no longer wanted, which cuts the wait short.
    fn wanted_after(&self, wait: Duration) -> bool {
        self.kept.recv_timeout(wait) == Err(RecvTimeoutError::Timeout)
    }

    /// Starts the server until it answers, with growing pauses, for as long as it is wanted.
    fn start_again(&mut self, pause: &mut Duration) -> Start {
        self.pid.store(0, Ordering::Relaxed);
        loop {
            if !self.wanted_after(*pause) {
                return Start::Unwanted;
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            match self.start() {
                Ok(started) => return started,
                Err(error) => tracing::error!(%error, "an embedded server cannot be started again; will try again"),
            }
        }
    }

    /// Clears away what an earlier run left, starts the server, and waits until it answers.
    fn start(&mut self) -> Result<Start, EmbeddedError> {
        let begun = Instant::now();
        let left = process::end(|| self.server.processes(), S::END);
        if !left.is_empty() {
            return Err(EmbeddedError::LeftoverProcesses { server: S::NAME, processes: left });
        }
        self.server.prepare()?;
        let log_file = self.server.start_log();
        let log = folder::new_private(&log_file)?;
        let output = log.try_clone().map_err(EmbeddedError::io("opening", &log_file))?;
        let mut child = self
            .server
            .command()
            .stdout(output)
            .stderr(log)
            .spawn()
            .map_err(|error| not_started(S::NAME, &error.to_string(), String::new()))?;

        let mut notice = START_NOTICE;
        while !self.server.is_ready(child.id()) {
            if let Some(status) = ended(&mut child) {
                return Err(not_started(S::NAME, &describe(status), self.last_words()));
            }
            if begun.elapsed() > START_LIMIT {
                let _ = self.stop(child);
                return Err(not_started(S::NAME, "it did not answer in time", self.last_words()));
            }
            if begun.elapsed() > notice {
                notice += START_NOTICE;
                tracing::info!(server = S::NAME, seconds = begun.elapsed().as_secs(), "still starting");
            }
            if !self.wanted_after(PULSE) {
                self.stop(child)?;
                return Ok(Start::Unwanted);
            }
        }
        self.pid.store(child.id(), Ordering::Relaxed);
        tracing::info!(server = S::NAME, milliseconds = begun.elapsed().as_millis(), "ready");
        Ok(Start::Ready(child))
    }

    /// Ends the server step by step. It obeyed if the first step was enough.
    fn stop(&self, mut child: Child) -> Result<(), EmbeddedError> {
        self.pid.store(0, Ordering::Relaxed);
        // Part of it may be frozen, and would keep the rest from ending.
        for process in self.server.processes() {
            process::send(process, libc::SIGCONT);
        }
        let mut obeyed = Ok(());
        for (signal, patience) in S::END {
            if let Ok(process) = i32::try_from(child.id()) {
                process::send(process, *signal);
                process::send(process, libc::SIGCONT);
            }
            let until = Instant::now() + *patience;
            while Instant::now() < until {
                if ended(&mut child).is_some() {
                    process::end(|| self.server.processes(), S::END);
                    return obeyed;
                }
                thread::sleep(PULSE);
            }
            obeyed = Err(EmbeddedError::StopForced { server: S::NAME });
        }
        obeyed
    }

    /// The last lines that the server wrote before it failed.
    fn last_words(&self) -> String {
        let log = fs::read(self.server.start_log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

/// How the process ended, if it did. One that cannot be waited for is not there.
fn ended(child: &mut Child) -> Option<ExitStatus> {
    child.try_wait().unwrap_or_else(|_| Some(ExitStatus::from_raw(0)))
}

fn describe(status: ExitStatus) -> String {
    format!("it ended ({status})")
}

fn not_started(server: &'static str, reason: &str, log: String) -> EmbeddedError {
    EmbeddedError::NotStarted { server, reason: reason.to_owned(), log }
}
