//! What an auditor runs: the history of a patient's file and its state at any moment, read from the log itself.
//!
//! ```text
//! cli         what was asked
//!   └─► source      which database and master key; never a server that has to be started
//!         └─► patient     which stream: by id, or by number through the reservation that the log keeps of it
//!               └─► report      what projections::history makes of the stream, as text, JSON or NDJSON
//! ```
//!
//! Nothing here writes: every database session is read-only by its own settings. Errors say nothing about patients;
//! the output does, which is its purpose.

pub mod cli;
mod error;
mod patient;
mod report;
mod source;

use std::io::Write;

pub use error::ReplayError;

use cli::{Cli, Command};

/// Does what was asked and writes the answer to `out`.
pub async fn run(cli: &Cli, out: &mut dyn Write) -> Result<(), ReplayError> {
    let (subject, format) = match &cli.command {
        Command::History(asked) => (&asked.subject, asked.format),
        Command::AsOf(asked) => (&asked.subject, asked.format),
    };
    let reference = subject.reference()?;
    let log = cli.source.open().await?;
    let file = patient::find(&log, &reference, subject.facility).await?;
    match &cli.command {
        Command::History(_) => report::history(&log, &file, format, out).await,
        Command::AsOf(asked) => report::as_of(&log, &file, asked.moment.of(&file)?, format, out).await,
    }
}
