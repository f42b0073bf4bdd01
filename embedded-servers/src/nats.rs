//! NATS in particular: its configuration, its port, and when it answers. It listens on a free port of the loopback address,
//! behind random credentials.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rand::Rng as _;

use super::error::EmbeddedError;
use super::folder::{self, DataFolder};
use super::process::{self, RunAs, Step};
use super::supervisor::Server;

const USER: &str = "medicalpro";

/// The NATS of one data folder.
#[derive(Debug)]
pub(super) struct Nats {
    program: PathBuf,
    run_as: RunAs,
    folder: PathBuf,
    log_dir: PathBuf,
    /// `user:password`, new with every manager.
    credentials: String,
    /// Set once the first server has found a free port; its successors take the same.
    port: Arc<OnceLock<u16>>,
}

impl Nats {
    pub(super) fn new(folder: &DataFolder, program: PathBuf, port: Arc<OnceLock<u16>>) -> Result<Self, EmbeddedError> {
        let nats = Self {
            program,
            run_as: folder.run_as().clone(),
            folder: folder.path().join("nats"),
            log_dir: folder.path().join("log"),
            credentials: format!("{USER}:{:032x}", rand::rng().random::<u128>()),
            port,
        };
        folder.private(&nats.folder.join("ports"))?;
        folder.private(&nats.folder.join("store"))?;
        Ok(nats)
    }

    pub(super) fn credentials(&self) -> &str {
        &self.credentials
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("nats.conf")
    }

    /// NATS reads JSON as its own format, which saves quoting paths by hand. No monitoring port is opened.
    fn config(&self) -> String {
        let (user, password) = self.credentials.split_once(':').unwrap_or_default();
        let config = serde_json::json!({
            "server_name": "medicalpro",
            "host": Ipv4Addr::LOCALHOST,
            "port": self.port.get().map_or(-1, |port| i32::from(*port)),
            "ports_file_dir": self.folder.join("ports"),
            "authorization": { "user": user, "password": password },
            "jetstream": { "store_dir": self.folder.join("store"), "max_mem": 256 * 1024 * 1024 },
            "logfile": self.log_dir.join("nats.log"),
            "logfile_size_limit": 10 * 1024 * 1024,
            "logfile_max_num": 4,
        });
        format!("{config:#}\n")
    }

    /// The port that the server running as `pid` says it listens on.
    fn port_of(&self, pid: u32) -> Option<u16> {
        let ports = fs::read(self.folder.join(format!("ports/nats-server_{pid}.ports"))).ok()?;
        let ports: serde_json::Value = serde_json::from_slice(&ports).ok()?;
        ports["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
    }
}

impl Server for Nats {
    const NAME: &'static str = "NATS";
    const END: &'static [Step] = &[(libc::SIGINT, Duration::from_secs(10)), (libc::SIGKILL, Duration::from_secs(5))];

    fn processes(&self) -> Vec<i32> {
        let config = self.config_file();
        let program = self.program.file_name().and_then(|name| name.to_str()).unwrap_or("nats-server");
        process::find(|words| process::runs_on(words, program, &config))
    }

    fn prepare(&mut self) -> Result<(), EmbeddedError> {
        let ports = self.folder.join("ports");
        let clear = || fs::read_dir(&ports)?.try_for_each(|stale| fs::remove_file(stale?.path()));
        clear().map_err(EmbeddedError::io("clearing", &ports))?;
        folder::write_private(&self.config_file(), &self.config())?;
        self.run_as.take_over(&self.config_file())
    }

    fn command(&self) -> Command {
        let mut command = self.run_as.command(&self.program, libc::SIGINT);
        command.arg("-c").arg(self.config_file());
        command
    }

    fn start_log(&self) -> PathBuf {
        self.log_dir.join("nats-start.log")
    }

    fn is_ready(&mut self, pid: u32) -> bool {
        let Some(port) = self.port_of(pid) else { return false };
        // A server introduces itself with one line, which says whether its JetStream is up.
        let introduction = || {
            let connection = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(1))?;
            connection.set_read_timeout(Some(Duration::from_secs(1)))?;
            let mut line = String::new();
            BufReader::new(connection).read_line(&mut line).map(|_| line)
        };
        let ready = introduction().is_ok_and(|line: String| line.contains("\"jetstream\":true"));
        if ready {
            self.port.get_or_init(|| port);
        }
        ready
    }
}
