//! Any number of `medicalpro serve` processes on one PostgreSQL and one NATS. Each can be killed, frozen, resumed and
//! started again while the others go on.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::upcasting::Upcasters;
use embedded_servers::{EmbeddedServers, Options, ScratchDir};
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use tokio_postgres::{Config, NoTls};

use crate::practice::Practice;
use crate::server::{Client, NO_RATE_LIMITS, ReadyReport, program, spawn_dying_with_us};

/// How long a server may take until it is ready, through whatever happens to what it stands on meanwhile.
const START: Duration = Duration::from_secs(90);

/// The servers. They end with this.
pub struct Fleet {
    members: Vec<Member>,
    postgres_url: String,
    nats_url: String,
    master_key: String,
    owner: Config,
    /// What all servers are started with besides.
    arguments: Vec<String>,
    // Dropped after the members, in this order.
    underneath: Mutex<EmbeddedServers>,
    folder: ScratchDir,
}

/// One `medicalpro serve`.
struct Member {
    number: usize,
    process: tokio::sync::Mutex<Option<Child>>,
    url: Mutex<String>,
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(process) = self.process.get_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Where a server that is started again is to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Where it did before.
    Same,
    /// On another port.
    New,
}

/// Processes that stand still. They go on when this is dropped.
#[derive(Debug)]
pub struct Frozen(Vec<i32>);

impl Frozen {
    /// Stops these processes, each before those that it could start.
    fn new(parent: u32) -> Self {
        let parent = i32::try_from(parent).expect("a process id");
        signal(parent, libc::SIGSTOP);
        let mut all = vec![parent];
        for child in children(parent) {
            signal(child, libc::SIGSTOP);
            all.push(child);
        }
        Self(all)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for &process in self.0.iter().rev() {
            signal(process, libc::SIGCONT);
        }
    }
}

fn signal(process: i32, signal: i32) {
    // SAFETY: a signal to a process that was ours a moment ago; at worst it is gone.
    unsafe { libc::kill(process, signal) };
}

fn children(parent: i32) -> Vec<i32> {
    let listed = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|process| process.parse().ok()).collect()
}

impl Fleet {
    /// So many servers on an empty database, durable as in production, all of them ready.
    pub async fn start(servers: usize) -> Self {
        Self::start_with(servers, Vec::new()).await
    }

    /// The same with further arguments of `medicalpro serve`.
    pub async fn start_with(servers: usize, arguments: Vec<String>) -> Self {
        let (underneath, folder) = tokio::task::spawn_blocking(|| {
            let folder = ScratchDir::new("fleet").expect("a folder for the servers");
            let options = Options::new(folder.path().join("data"));
            (EmbeddedServers::start(options).expect("PostgreSQL and NATS"), folder)
        })
        .await
        .expect("the servers start");
        let postgres = underneath.postgres();
        let members = (0..servers).map(|number| Member {
            number,
            process: tokio::sync::Mutex::default(),
            url: Mutex::new("http://127.0.0.1:0".to_owned()),
        });
        let fleet = Self {
            members: members.collect(),
            postgres_url: postgres.url("postgres", postgres.superuser()),
            nats_url: underneath.nats_url().to_owned(),
            master_key: MasterKeys::generate().expect("randomness").to_string(),
            owner: postgres.config("postgres", postgres.superuser()),
            arguments,
            underneath: Mutex::new(underneath),
            folder,
        };
        for server in 0..servers {
            fleet.start_server(server, Door::New).await;
        }
        fleet
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where a server answers, or did before it ended.
    pub fn url(&self, server: usize) -> String {
        self.members[server].url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts a server that does not run, again and again until it is ready.
    pub async fn start_server(&self, server: usize, door: Door) {
        let member = &self.members[server];
        let mut process = member.process.lock().await;
        assert!(process.is_none(), "server {server} runs");
        let deadline = Instant::now() + START;
        loop {
            let mut started = self.spawn(member, door);
            let report = self.wait_for_report(member, &mut started, deadline).await;
            *process = Some(started);
            if let Some(report) = report {
                *member.url.lock().unwrap_or_else(PoisonError::into_inner) = report.url;
                return;
            }
            assert!(Instant::now() < deadline, "server {server} is not ready in time:\n{}", self.log_of(server));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// `medicalpro` with the settings of the servers.
    fn program(&self) -> Command {
        let mut command = Command::new(program("medicalpro"));
        command
            .env("DATABASE_URL", &self.postgres_url)
            .env("NATS_URL", &self.nats_url)
            .env("MEDICALPRO_MASTER_KEY", &self.master_key);
        command
    }

    /// Runs `medicalpro` with these arguments beside the servers, as an operator does, until it ends well.
    pub async fn operate(&self, arguments: &[&str]) {
        let mut command = self.program();
        command.args(arguments).stdin(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("the wait ends");
        let ended = ended.expect("the program starts");
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    fn spawn(&self, member: &Member, door: Door) -> Child {
        let url = self.url(member.number);
        let address = url.strip_prefix("http://").filter(|_| door == Door::Same).unwrap_or("127.0.0.1:0");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.file(member.number, "log"));
        let log = log.expect("a log file");
        let ready_file = self.file(member.number, "json");
        let _ = std::fs::remove_file(&ready_file);
        let mut command = self.program();
        command
            .args(["serve", "--listen", address, "--metrics-listen", "127.0.0.1:0", "--request-timeout-seconds", "8"])
            .arg("--ready-file")
            .arg(ready_file)
            .args(&self.arguments)
            .envs(NO_RATE_LIMITS)
            // Without a line for each request, what matters is found.
            .env("MEDICALPRO_LOG_LEVEL", "info,poem=warn,frame::observe=warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file twice"))
            .stderr(log);
        spawn_dying_with_us(command)
    }

    /// What the server says when it is ready; nothing if it ended, or does not get ready in time.
    async fn wait_for_report(&self, member: &Member, process: &mut Child, deadline: Instant) -> Option<ReadyReport> {
        let ready_file = self.file(member.number, "json");
        while Instant::now() < deadline {
            if let Ok(json) = std::fs::read(&ready_file) {
                return Some(serde_json::from_slice(&json).expect("the ready file is JSON"));
            }
            if process.try_wait().expect("the process can be asked").is_some() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    fn file(&self, server: usize, extension: &str) -> PathBuf {
        self.folder.path().join(format!("server-{server}.{extension}"))
    }

    /// The end of what a server has written to its log.
    pub fn log_of(&self, server: usize) -> String {
        let log = std::fs::read_to_string(self.file(server, "log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Everything that a server has written to its log.
    pub fn whole_log_of(&self, server: usize) -> String {
        std::fs::read_to_string(self.file(server, "log")).unwrap_or_default()
    }

    /// Ends a server with SIGKILL.
    pub async fn kill_server(&self, server: usize) {
        let process = self.members[server].process.lock().await.take();
        let mut process = process.expect("the server runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    /// Asks a server to stop, and waits; whether it ended well.
    pub async fn stop_server(&self, server: usize) -> bool {
        let process = self.members[server].process.lock().await.take();
        let mut process = process.expect("the server runs");
        signal(i32::try_from(process.id()).expect("a process id"), libc::SIGTERM);
        let ended = tokio::task::spawn_blocking(move || process.wait());
        ended.await.expect("the wait ends").expect("it ends").success()
    }

    /// Whether a server runs, frozen or not. One that ended without being told to does not.
    pub async fn runs(&self, server: usize) -> bool {
        let mut process = self.members[server].process.lock().await;
        process.as_mut().is_some_and(|process| process.try_wait().expect("the process can be asked").is_none())
    }

    /// Freezes a server.
    pub async fn freeze_server(&self, server: usize) -> Frozen {
        let process = self.members[server].process.lock().await;
        Frozen::new(process.as_ref().expect("the server runs").id())
    }

    /// Freezes PostgreSQL with all its sessions, unless it is down just now.
    pub fn freeze_postgres(&self) -> Option<Frozen> {
        self.underneath(EmbeddedServers::postgres_pid).map(Frozen::new)
    }

    /// Freezes NATS, unless it is down just now.
    pub fn freeze_nats(&self) -> Option<Frozen> {
        self.underneath(EmbeddedServers::nats_pid).map(Frozen::new)
    }

    /// Sends a signal to PostgreSQL's first process; false if it is down just now. It is started again when it ends.
    pub fn signal_postgres(&self, number: i32) -> bool {
        self.signal_underneath(EmbeddedServers::postgres_pid, number)
    }

    /// Sends a signal to NATS; false if it is down just now. It is started again when it ends.
    pub fn signal_nats(&self, number: i32) -> bool {
        self.signal_underneath(EmbeddedServers::nats_pid, number)
    }

    fn underneath<T>(&self, of: impl FnOnce(&EmbeddedServers) -> T) -> T {
        of(&self.underneath.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn signal_underneath(&self, pid: fn(&EmbeddedServers) -> Option<u32>, number: i32) -> bool {
        let Some(process) = self.underneath(pid) else { return false };
        signal(i32::try_from(process).expect("a process id"), number);
        true
    }

    /// The address of NATS.
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The log, as one more server would open it.
    pub async fn open_log(&self) -> EventLog {
        let database = Database::with_config(self.owner.clone(), 4).expect("settings");
        let master = MasterKeys::parse(&self.master_key).expect("the master key");
        let keys = KeyRing::open(database.clone(), master).await.expect("the keys");
        EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.expect("the log")
    }

    /// The settings by which the database's owner connects.
    pub const fn owner(&self) -> &Config {
        &self.owner
    }

    /// A connection of the database's owner.
    pub async fn owner_client(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let (client, connection) = self.owner.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A new practice, whose clients speak to the first server unless told otherwise.
    pub async fn open_practice(&self) -> Practice {
        Practice::open(&self.open_log().await, &Client::at(&self.url(0))).await
    }
}
