//! The private PostgreSQL and NATS. `medicalpro serve` runs them if it is given no `DATABASE_URL`, and the tests run them
//! too.
//!
//! ```text
//! EmbeddedServers::start ─► folder     one manager per data folder, owned by an unprivileged user
//!                        ─► binaries   a PostgreSQL and a NATS that are new enough and whole
//!                        ─► supervisor one thread per server: start, watch, start again, stop
//!                              └─► postgres, nats   what is particular to each of the two
//! ```
//!
//! Everything here blocks, and belongs before and after the asynchronous part of the program. If the program ends, even by
//! `kill -9`, the kernel ends its servers (see `process`).

mod binaries;
mod endpoint;
mod error;
mod folder;
mod nats;
mod options;
mod postgres;
mod process;
mod scratch;
mod supervisor;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use self::endpoint::PostgresEndpoint;
pub use self::error::EmbeddedError;
pub use self::options::{Durability, Options};
pub use self::scratch::ScratchDir;

use self::binaries::Places;
use self::folder::DataFolder;
use self::nats::Nats;
use self::postgres::Postgres;
use self::supervisor::Supervised;

/// A running PostgreSQL and NATS. They are stopped by [`EmbeddedServers::stop`], and by dropping this.
#[derive(Debug)]
pub struct EmbeddedServers {
    // The servers come before the folder: fields are dropped in order, and the lock on the folder goes last.
    postgres: Supervised,
    nats: Supervised,
    postgres_endpoint: PostgresEndpoint,
    postgres_programs: PathBuf,
    nats_url: String,
    folder: DataFolder,
}

impl EmbeddedServers {
    /// Starts both servers and returns when both answer. What an earlier run left behind, in files or
    /// processes, is cleared away first; a folder that another running manager uses is refused.
    pub fn start(options: Options) -> Result<Self, EmbeddedError> {
        let folder = DataFolder::open(&options.data_dir)?;
        let places = Places::of_this_machine();
        let program = places.find_postgres(folder.run_as(), folder.postgres_major()?)?;
        let nats_program = places.find_nats(folder.run_as())?;
        tracing::info!(
            postgres = %program.bin.display(),
            major = program.major,
            nats = %nats_program.display(),
            user = folder.run_as().name(),
            "starting the embedded servers"
        );

        let postgres_programs = program.bin.clone();
        let postgres = Postgres::new(&folder, program, &options)?;
        let postgres_endpoint = postgres.endpoint().clone();
        let nats_port = Arc::new(OnceLock::new());
        let nats = Nats::new(&folder, nats_program, Arc::clone(&nats_port))?;
        let nats_credentials = nats.credentials().to_owned();

        // Both start at the same time; an early return drops, and so stops, the one that is running.
        let mut postgres = Supervised::launch(postgres)?;
        let mut nats = Supervised::launch(nats)?;
        postgres.until_ready()?;
        nats.until_ready()?;

        let port = nats_port.get().copied().unwrap_or_default();
        let nats_url = format!("nats://{nats_credentials}@127.0.0.1:{port}");
        folder.announce(&postgres_endpoint, &nats_url)?;
        Ok(Self { postgres, nats, postgres_endpoint, postgres_programs, nats_url, folder })
    }

    /// Where PostgreSQL answers. It stays the same while this manager runs, over restarts too.
    pub fn postgres(&self) -> &PostgresEndpoint {
        &self.postgres_endpoint
    }

    /// The folder of PostgreSQL's own programs: `psql`, `pg_dump`, `pgbench`.
    pub fn postgres_programs(&self) -> &Path {
        &self.postgres_programs
    }

    /// The address of NATS, credentials included. It stays the same while this manager runs.
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The process of PostgreSQL (its postmaster), unless it is down just now.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.pid()
    }

    /// The process of NATS, unless it is down just now.
    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.pid()
    }

    /// Stops both servers cleanly and waits for their end. One that does not obey in time is killed, and the
    /// error says so; nothing that was acknowledged is lost by that.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        self.folder.withdraw_announcement();
        self.postgres.ask_to_stop();
        self.nats.ask_to_stop();
        // Both are waited for, whatever the first one answers.
        let (postgres, nats) = (self.postgres.until_stopped(), self.nats.until_stopped());
        postgres.and(nats)
    }
}

impl Drop for EmbeddedServers {
    fn drop(&mut self) {
        self.folder.withdraw_announcement();
        // Asked together, they stop at the same time; the fields' own drops then wait for each.
        self.postgres.ask_to_stop();
        self.nats.ask_to_stop();
    }
}
