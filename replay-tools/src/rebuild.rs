//! Rebuilds and verifies read models, and tells the progress.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use projections_engine::rebuild::{Progress, rebuild, verify};

use crate::cli::RebuildWork;
use crate::error::ReplayError;
use crate::source::Source;

/// How often progress is told: on a terminal the line is written over, in a file each is a new one.
const TELL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Rebuilds or verifies what was asked for, one read model after the other.
pub async fn run(source: &Source, work: &RebuildWork, out: &mut dyn Write) -> Result<(), ReplayError> {
    let owner = source.owner(work.database_admin_url.as_deref())?;
    let log = source.open().await?;
    let asked = |name: &str| work.projection.as_deref().is_none_or(|only| only == name);
    let mut differences = Vec::new();
    for projection in projections::all().iter().filter(|projection| asked(projection.name())) {
        let (name, mut teller) = (projection.name(), Teller::new());
        let failed = |cause| ReplayError::NotRebuilt { projection: name, cause };
        if work.verify {
            let report = verify(&log, &owner, projection.as_ref(), |progress| teller.tell(progress)).await;
            teller.end();
            let report = report.map_err(failed)?;
            let verdict = if report.differences.is_empty() { "equal" } else { "different" };
            let seconds = report.elapsed.as_secs_f64();
            writeln!(out, "{name}: {verdict} at position {}, compared in {seconds:.1} s", report.position)?;
            differences.extend(report.differences.into_iter().map(|difference| (name, difference)));
        } else {
            let report = rebuild(&log, &owner, projection.as_ref(), |progress| teller.tell(progress)).await;
            teller.end();
            let report = report.map_err(failed)?;
            let seconds = report.elapsed.as_secs_f64();
            writeln!(out, "{name}: rebuilt up to position {} in {seconds:.1} s", report.position)?;
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(ReplayError::Different(differences)) }
}

/// Tells progress on the standard error.
struct Teller {
    terminal: bool,
    told: Instant,
    line_open: bool,
}

impl Teller {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), told: Instant::now(), line_open: false }
    }

    fn tell(&mut self, progress: Progress) {
        let (often, seldom) = TELL;
        if self.told.elapsed() < if self.terminal { often } else { seldom } {
            return;
        }
        self.told = Instant::now();
        let line = format!(
            "{}: position {} of {} ({:.1} %), {:.0} events/s",
            progress.projection,
            progress.position,
            progress.head,
            progress.percent(),
            progress.events_per_second(),
        );
        // If the standard error is closed, the progress is told to nobody.
        let _ = if self.terminal {
            self.line_open = true;
            write!(io::stderr(), "\r\x1b[K{line}")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    fn end(&mut self) {
        if self.line_open {
            let _ = writeln!(io::stderr());
        }
    }
}
