//! The file that says the server is ready, for scripts and tests that wait. It is one JSON object, written whole or not at
//! all.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use accounts::private_file::write_private;
use accounts::seed::SeededAccount;

/// What the file says.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyReport {
    /// The process.
    pub pid: u32,
    /// Where HTTP is served: `http://127.0.0.1:3000`.
    pub url: String,
    /// Where metrics are served, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_url: Option<String>,
    /// How to log in to the demo practice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<SeededAccount>,
}

impl ReadyReport {
    /// Of this process, serving at these addresses.
    pub fn new(http: SocketAddr, tls: bool, metrics: Option<SocketAddr>, accounts: Vec<SeededAccount>) -> Self {
        let scheme = if tls { "https" } else { "http" };
        Self {
            pid: std::process::id(),
            url: format!("{scheme}://{http}"),
            metrics_url: metrics.map(|address| format!("http://{address}/metrics")),
            accounts,
        }
    }
}

/// The file, for as long as the server is ready.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Writes the report to this file. It is removed when the returned value is dropped.
    pub fn write(path: &Path, report: &ReadyReport) -> io::Result<Self> {
        write_private(path, &serde_json::to_vec(report)?)?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // The script that waited for it may have removed it.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_private_and_goes_with_the_server() {
        let path = std::env::temp_dir().join(format!("medicalpro-ready-{}", std::process::id()));
        let report = ReadyReport::new(([127, 0, 0, 1], 3000).into(), false, None, Vec::new());
        let file = ReadyFile::write(&path, &report).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(json["url"], "http://127.0.0.1:3000");
        drop(file);
        assert!(!path.exists());
    }
}
