//! What can stand in the way of the embedded servers. Each message tells an operator what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded servers did not start, or did not stop as they should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No usable PostgreSQL is installed.
    #[error(
        "no usable PostgreSQL {needed} was found. Run `make setup` to install one, or name the folder of its \
         programs in MEDICALPRO_POSTGRES_BIN.{}", list(.passed_over)
    )]
    PostgresNotFound {
        /// The versions that would do.
        needed: String,
        /// The places that were looked at, each with what is wrong with it.
        passed_over: Vec<String>,
    },
    /// No usable NATS server is installed.
    #[error(
        "no NATS server 2.10 or later was found. Run `make setup` to install one, or name the program in \
         MEDICALPRO_NATS_SERVER.{}", list(.passed_over)
    )]
    NatsNotFound {
        /// The places that were looked at, each with what is wrong with it.
        passed_over: Vec<String>,
    },
    /// A program was named by an environment variable, and cannot be used.
    #[error("{variable} cannot be used: {reason}")]
    UnusableSetting {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with what it names.
        reason: String,
    },
    /// Another running manager holds the data folder.
    #[error("the data folder {} is in use by another running medicalpro", .0.display())]
    DataDirInUse(PathBuf),
    /// The unprivileged user cannot get at the data folder.
    #[error(
        "started by root, the servers run as the user {user}, who cannot enter {}: choose a data folder that they \
         can reach, for example with --data-dir /var/lib/medicalpro", .folder.display()
    )]
    DataDirUnreachable {
        /// The outermost folder that the user cannot enter.
        folder: PathBuf,
        /// The user whom the servers run as.
        user: String,
    },
    /// The data folder was made by another user.
    #[error("the data folder {} belongs to another user (uid {owner}): start medicalpro as that user", .folder.display())]
    ForeignDataDir {
        /// The folder.
        folder: PathBuf,
        /// Whom it belongs to.
        owner: u32,
    },
    /// The data folder's path cannot be used.
    #[error("the data folder {} cannot be used: {reason}", .folder.display())]
    UnusableDataDir {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// Root needs somebody to run the servers as.
    #[error("started by root, the servers need an unprivileged user, and there is neither `postgres` nor `nobody`")]
    NoUnprivilegedUser,
    /// A server of an earlier run is still there, and does not end.
    #[error("{server} of an earlier run is still there and does not end (processes {processes:?})")]
    LeftoverProcesses {
        /// Which server.
        server: &'static str,
        /// Its processes.
        processes: Vec<i32>,
    },
    /// A server ended, or did not answer in time, when it was started.
    #[error("{server} did not start: {reason}{}", indented(.log))]
    NotStarted {
        /// Which server.
        server: &'static str,
        /// What was seen of it.
        reason: String,
        /// The last lines it wrote.
        log: String,
    },
    /// A server did not stop when asked, and was killed.
    #[error("{server} did not stop in time and was ended by force")]
    StopForced {
        /// Which server.
        server: &'static str,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The refusal.
        source: io::Error,
    },
}

impl EmbeddedError {
    /// For `map_err`: says what was being done to which file when the system refused.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: format!("{doing} {}", path.display()), source }
    }
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

fn indented(log: &str) -> String {
    log.lines().map(|line| format!("\n  | {line}")).collect()
}
