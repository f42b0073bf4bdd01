//! The release program `medicalpro` on a house of the benchmark's servers, as it runs in production.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use accounts::member::Member;
use accounts::tokens::AccessTokens;
use domain::ids::UserId;
use domain::role::Role;
use medicalpro::allocations::{ALLOCATIONS, BYTES};
use system_tests::server::{NO_RATE_LIMITS, ReadyReport, spawn_dying_with_us};
use uuid::Uuid;

use crate::http::Target;
use crate::servers::{BenchServers, House};

/// How long it may take to be ready: read models catch up in the background.
const START: Duration = Duration::from_secs(30);

/// A running `medicalpro serve`.
pub struct Program {
    process: Child,
    metrics_url: String,
    pub target: Target,
}

/// What the program has asked of its allocator since it started.
#[derive(Debug, PartialEq)]
pub struct Allocated {
    pub allocations: f64,
    pub bytes: f64,
}

impl Program {
    /// Starts it, with live screens over NATS or by itself alone.
    pub async fn start(servers: &BenchServers, house: &House, nats: bool) -> Self {
        let ready_file = servers.folder.join("data").join(format!("{}.ready.json", house.name));
        let log = std::fs::File::create(servers.folder.join(format!("{}.log", house.name))).expect("a log file");
        let program = std::env::current_exe().expect("a path").with_file_name("medicalpro");
        assert!(program.exists(), "{} is not built", program.display());
        let endpoint = servers.servers.postgres();
        let mut command = Command::new(program);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--metrics-listen",
                "127.0.0.1:0",
                "--log-level",
                "warn",
                "--ready-file",
            ])
            .arg(&ready_file)
            .envs(NO_RATE_LIMITS)
            .env("DATABASE_URL", endpoint.url(house.name, endpoint.superuser()))
            .env("MEDICALPRO_MASTER_KEY", &house.master_key)
            .env_remove("NATS_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file twice"))
            .stderr(log);
        if nats {
            command.env("NATS_URL", servers.servers.nats_url());
        }
        let process = spawn_dying_with_us(command);
        let started = Instant::now();
        let report: ReadyReport = loop {
            match std::fs::read(&ready_file) {
                Ok(json) => break serde_json::from_slice(&json).expect("the ready file is JSON"),
                Err(_) => assert!(started.elapsed() < START, "medicalpro is not ready, see {}.log", house.name),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let address = report.url.trim_start_matches("http://").parse().expect("an address");
        Self { process, metrics_url: report.metrics_url, target: Target { address, token: token(house).await } }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// None if the program is built without its feature `count-allocations`.
    pub async fn allocated(&self) -> Option<Allocated> {
        let answer = reqwest::get(&self.metrics_url).await.expect("the program tells its metrics");
        allocated_in(&answer.text().await.expect("metrics are text"))
    }

    /// The memory it holds, in MB.
    pub fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: f64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes / 1024.0
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) {
        let pid = libc::pid_t::try_from(self.process.id()).expect("a process id");
        // SAFETY: a signal to a child that has not been waited for, whose id hence is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let _ = self.process.wait();
    }
}

/// Reads the two counters in the text that Prometheus would get.
fn allocated_in(metrics: &str) -> Option<Allocated> {
    let counter = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some(Allocated { allocations: counter(ALLOCATIONS)?, bytes: counter(BYTES)? })
}

/// A secretary's token, as a login would give it.
async fn token(house: &House) -> String {
    let secret = house.log.keys().secret("access-token-signing").await.expect("the signing key");
    let tokens =
        AccessTokens::new(secret.as_slice().try_into().expect("32 bytes"), jiff::SignedDuration::from_hours(1));
    let (user_id, session_id) = (UserId(Uuid::now_v7()), Uuid::now_v7());
    let caller = Member { user_id, facility_id: house.facility, role: Role::Secretary, session_id };
    tokens.and_then(|tokens| tokens.issue(&caller)).expect("a token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_read_from_the_metrics_if_the_program_counts_them() {
        let counted = "# TYPE medicalpro_allocations_total counter\nmedicalpro_allocations_total 120\n\n\
                       # TYPE medicalpro_allocated_bytes_total counter\nmedicalpro_allocated_bytes_total 4096\n";
        assert_eq!(allocated_in(counted), Some(Allocated { allocations: 120.0, bytes: 4096.0 }));
        assert_eq!(allocated_in("known_sessions 3\n"), None);
    }
}
