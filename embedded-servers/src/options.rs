//! How embedded servers are to run.

use std::path::PathBuf;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: every commit is on disk before it is answered.
    Durable,
    /// The end of a process, but not of the machine. For tests, where it saves most of the time.
    ForTests,
}

/// How the embedded servers are to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds everything they keep; it is made if it does not exist.
    pub data_dir: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// How many connections PostgreSQL accepts.
    pub max_connections: u16,
}

impl Options {
    /// Durable servers in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), durability: Durability::Durable, max_connections: 200 }
    }

    /// Fast servers for tests in `data_dir`, best in a [`ScratchDir`].
    pub fn for_tests(data_dir: impl Into<PathBuf>) -> Self {
        Self { durability: Durability::ForTests, ..Self::new(data_dir) }
    }
}
