//! What an auditor runs: the history of a patient's file and its state at any moment, read from the log itself. And what an
//! operator runs: rebuilds of read models.
//!
//! ```text
//! cli         what was asked
//!   └─► source      which database and master key; never a server that has to be started
//!         ├─► patient     which stream: by id, or by number through the reservation that the log keeps of it
//!         │     └─► report      what projections_engine::history makes of the stream, as text, JSON or NDJSON
//!         └─► rebuild     projections_engine::rebuild, with its progress told on the way
//! ```
//!
//! Only `rebuild` writes, and only read models. PostgreSQL keeps every session that reads the log read-only. Errors say
//! nothing about patients. The output does, which is its purpose.

pub mod cli;
mod error;
mod patient;
mod practice;
mod rebuild;
mod report;
mod source;

use std::io::Write;

pub use error::ReplayError;

use cli::{Cli, Command, Subject};
use event_store_schema::EventLog;
use patient::PatientFile;
use source::Source;

/// Does what was asked and writes the answer to `out`.
pub async fn run(cli: &Cli, out: &mut dyn Write) -> Result<(), ReplayError> {
    match &cli.command {
        Command::History(asked) => {
            let (log, file) = find(&cli.source, &asked.subject).await?;
            report::history(&log, &file, asked.format, out).await
        }
        Command::AsOf(asked) => {
            let (log, file) = find(&cli.source, &asked.subject).await?;
            report::as_of(&log, &file, asked.moment.of(&file)?, asked.format, out).await
        }
        Command::Rebuild(work) => rebuild::run(&cli.source, work, out).await,
    }
}

async fn find(source: &Source, subject: &Subject) -> Result<(EventLog, PatientFile), ReplayError> {
    let reference = subject.reference()?;
    let log = source.open().await?;
    let file = patient::find(&log, &reference, subject.facility).await?;
    Ok((log, file))
}
