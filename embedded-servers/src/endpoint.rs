//! Where an embedded PostgreSQL answers.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// With a socket it is only part of a file's name, so it never meets another server's.
pub(super) const PORT: u16 = 5432;
/// The owner of the cluster, who may do everything in it.
pub(super) const SUPERUSER: &str = "postgres";

/// Where the embedded PostgreSQL answers: to any user of the database, without a password, on a socket that
/// nobody else can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresEndpoint {
    pub(super) socket_dir: PathBuf,
}

impl PostgresEndpoint {
    /// The folder of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The port that names the socket in its folder.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The name of the superuser, who makes databases and roles.
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// A connection URL.
    pub fn url(&self, database: &str, user: &str) -> String {
        let host = percent_encoded(self.socket_dir.as_os_str().as_bytes());
        let (user, database) = (percent_encoded(user.as_bytes()), percent_encoded(database.as_bytes()));
        format!("postgresql://{user}@{host}:{PORT}/{database}")
    }

    /// The same as a configuration of the driver.
    pub fn config(&self, database: &str, user: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.socket_dir).port(PORT).dbname(database).user(user);
        config
    }
}

fn percent_encoded(bytes: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    bytes.iter().map(encode).collect()
}
