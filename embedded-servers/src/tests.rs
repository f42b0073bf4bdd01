//! The embedded servers as a whole, on real PostgreSQL and NATS.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::process::send;
use super::{Durability, EmbeddedError, EmbeddedServers, Options, ScratchDir};

/// Names the folder for the manager that a test runs in a process of its own.
const MANAGED_DIR: &str = "MEDICALPRO_TEST_MANAGED_DIR";

/// Runs one statement with PostgreSQL's own `psql`.
fn query(servers: &EmbeddedServers, statement: &str) -> Result<String, String> {
    let url = servers.postgres().url("postgres", servers.postgres().superuser());
    let psql = servers.postgres_programs().join("psql");
    let output = Command::new(psql).args(["-X", "-q", "-A", "-t", "-c", statement, &url]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Speaks NATS by hand: one request to JetStream, and its answer.
fn jetstream(url: &str, subject: &str, request: &str) -> Option<serde_json::Value> {
    let (credentials, address) = url.strip_prefix("nats://")?.split_once('@')?;
    let (user, password) = credentials.split_once(':')?;
    let connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let options = serde_json::json!({ "user": user, "pass": password, "verbose": false, "pedantic": false });
    let length = request.len();
    let spoken = format!("CONNECT {options}\r\nSUB answer 1\r\nPUB $JS.API.{subject} answer {length}\r\n{request}\r\n");
    (&connection).write_all(spoken.as_bytes()).ok()?;
    let lines = BufReader::new(&connection).lines().map_while(Result::ok);
    lines.skip_while(|line| !line.starts_with("MSG ")).nth(1).and_then(|line| serde_json::from_str(&line).ok())
}

/// Waits, within reason, until `attempt` gives something.
fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kill(pid: Option<u32>, signal: libc::c_int) -> i32 {
    let pid = i32::try_from(pid.unwrap()).unwrap();
    send(pid, signal);
    pid
}

#[test]
fn embedded_servers_keep_their_data_and_come_back_when_killed() {
    let scratch = ScratchDir::new("embedded").unwrap();
    let data_dir = scratch.path().join("data with 'quotes'");
    let options = Options::for_tests(&data_dir);

    let servers = EmbeddedServers::start(options.clone()).unwrap();
    query(&servers, "CREATE TABLE kept (word text)").unwrap();
    query(&servers, "INSERT INTO kept VALUES ('first')").unwrap();
    let made = jetstream(servers.nats_url(), "STREAM.CREATE.KEPT", r#"{"name":"KEPT","subjects":["kept"]}"#);
    assert_eq!(made.unwrap()["config"]["name"], "KEPT");
    servers.stop().unwrap();
    assert!(!data_dir.join("endpoints.json").exists() && !data_dir.join("pg/postmaster.pid").exists());

    let servers = EmbeddedServers::start(options).unwrap();
    assert_eq!(query(&servers, "SELECT word FROM kept").unwrap(), "first");
    let (postgres, nats) = (servers.postgres().clone(), servers.nats_url().to_owned());

    // A busy backend outlives its killed server, and would keep the next one out.
    let url = postgres.url("postgres", postgres.superuser());
    let psql = servers.postgres_programs().join("psql");
    let mut busy = Command::new(psql).args(["-c", "SELECT pg_sleep(600)", &url]).stderr(Stdio::null()).spawn().unwrap();
    eventually("the backend to be busy", || {
        query(&servers, "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%sleep(600)' AND state = 'active'")
            .ok()
            .filter(|found| found == "1")
    });
    let killed = kill(servers.postgres_pid(), libc::SIGKILL);
    eventually("PostgreSQL to come back", || servers.postgres_pid().filter(|pid| i64::from(*pid) != i64::from(killed)));
    assert!(!busy.wait().unwrap().success());
    assert_eq!(servers.postgres(), &postgres);
    assert_eq!(query(&servers, "SELECT word FROM kept").unwrap(), "first");

    let killed = kill(servers.nats_pid(), libc::SIGKILL);
    eventually("NATS to come back", || servers.nats_pid().filter(|pid| i64::from(*pid) != i64::from(killed)));
    assert_eq!(servers.nats_url(), nats);
    assert_eq!(jetstream(&nats, "STREAM.INFO.KEPT", "").unwrap()["config"]["name"], "KEPT");
    servers.stop().unwrap();
}

#[test]
fn embedded_postgresql_is_durable_unless_it_is_for_tests() {
    let scratch = ScratchDir::new("durable").unwrap();
    let options = Options { max_connections: 20, ..Options::new(scratch.path().join("data")) };
    assert_eq!(options.durability, Durability::Durable);
    let servers = EmbeddedServers::start(options).unwrap();
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("max_connections", "20"),
        ("jit", "off"),
        ("log_min_error_statement", "panic"),
    ] {
        assert_eq!(query(&servers, &format!("SHOW {setting}")).unwrap(), value, "{setting}");
    }
}

#[test]
fn an_error_that_quotes_a_value_leaves_no_trace_of_it_in_the_logs() {
    let scratch = ScratchDir::new("logs").unwrap();
    let servers = EmbeddedServers::start(Options::for_tests(scratch.path().join("data"))).unwrap();
    query(&servers, "CREATE TABLE people (name text UNIQUE)").unwrap();
    query(&servers, "INSERT INTO people VALUES ('Zebulon')").unwrap();
    let refusal = query(&servers, "INSERT INTO people VALUES ('Zebulon')").unwrap_err();
    assert!(refusal.contains("Zebulon"), "{refusal}");
    query(&servers, "SELECT 'Zebulon'::int").unwrap_err();
    query(&servers, "DO $$ BEGIN RAISE WARNING 'Zebulon'; END $$").unwrap();
    servers.stop().unwrap();
    for log in fs::read_dir(scratch.path().join("data/log")).unwrap() {
        let text = fs::read_to_string(log.unwrap().path()).unwrap();
        assert!(!text.contains("Zebulon"), "{text}");
    }
}

#[test]
fn a_second_manager_of_an_embedded_data_folder_is_refused() {
    let scratch = ScratchDir::new("second").unwrap();
    let options = Options::for_tests(scratch.path().join("data"));
    let servers = EmbeddedServers::start(options.clone()).unwrap();
    assert!(matches!(EmbeddedServers::start(options.clone()), Err(EmbeddedError::DataDirInUse(_))));
    drop(servers);
    EmbeddedServers::start(options).unwrap();
}

#[test]
fn nobody_else_reaches_the_embedded_servers() {
    let scratch = ScratchDir::new("private").unwrap();
    let data_dir = scratch.path().join("data");
    let servers = EmbeddedServers::start(Options::for_tests(&data_dir)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["pg", "nats", "run", "log"] {
        assert_eq!(mode(&data_dir.join(folder)), 0o700, "{folder}");
    }
    for file in ["nats/nats.conf", "endpoints.json", "lock"] {
        assert_eq!(mode(&data_dir.join(file)), 0o600, "{file}");
    }
    let process = format!("/proc/{}", servers.postgres_pid().unwrap());
    assert_ne!(fs::metadata(process).unwrap().uid(), 0, "PostgreSQL runs as root");
    let stranger = servers.nats_url().replace("medicalpro:", "medicalpro:wrong");
    assert_eq!(jetstream(&stranger, "INFO", ""), None);
}

#[test]
fn the_url_of_embedded_postgresql_is_what_the_driver_reads() {
    let scratch = ScratchDir::new("url").unwrap();
    let long = scratch.path().join("a folder whose name is longer than a socket's path may be".repeat(2));
    for data_dir in [scratch.path().join("étage 2"), long] {
        let servers = EmbeddedServers::start(Options::for_tests(data_dir)).unwrap();
        let endpoint = servers.postgres();
        let read: tokio_postgres::Config = endpoint.url("a b", "me@here").parse().unwrap();
        let built = endpoint.config("a b", "me@here");
        assert_eq!((read.get_hosts(), read.get_ports()), (built.get_hosts(), built.get_ports()));
        assert_eq!((read.get_user(), read.get_dbname()), (built.get_user(), built.get_dbname()));
        assert_eq!(query(&servers, "SELECT 1").unwrap(), "1");
    }
}

#[test]
fn frozen_embedded_servers_are_stopped_too() {
    let scratch = ScratchDir::new("frozen").unwrap();
    let servers = EmbeddedServers::start(Options::for_tests(scratch.path().join("data"))).unwrap();
    let frozen = [kill(servers.postgres_pid(), libc::SIGSTOP), kill(servers.nats_pid(), libc::SIGSTOP)];
    servers.stop().unwrap();
    assert!(frozen.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
}

/// The part of the next test that runs in a process of its own, which the test kills.
fn be_the_manager(data_dir: &Path) {
    let _servers = EmbeddedServers::start(Options::for_tests(data_dir)).unwrap();
    // Until it is killed, or its test is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn manager_elsewhere(data_dir: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["tests::the_next_manager_clears_away_what_a_killed_one_left", "--exact"])
        .env(MANAGED_DIR, data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the other manager", || {
        assert_eq!(child.try_wait().unwrap(), None, "the other manager ended");
        data_dir.join("endpoints.json").exists().then_some(())
    });
    child
}

#[test]
fn the_next_manager_clears_away_what_a_killed_one_left() {
    if let Some(data_dir) = std::env::var_os(MANAGED_DIR) {
        return be_the_manager(Path::new(&data_dir));
    }
    let scratch = ScratchDir::new("orphans").unwrap();
    let data_dir = scratch.path().join("data");
    let mut manager = manager_elsewhere(&data_dir);
    let postmaster = fs::read_to_string(data_dir.join("pg/postmaster.pid")).unwrap();
    let postmaster: u32 = postmaster.lines().next().unwrap().parse().unwrap();

    // A frozen server does not hear that its manager is gone: it is still there when the next one starts.
    kill(Some(postmaster), libc::SIGSTOP);
    kill(Some(manager.id()), libc::SIGKILL);
    manager.wait().unwrap();
    let servers = EmbeddedServers::start(Options::for_tests(&data_dir)).unwrap();
    assert_eq!(query(&servers, "SELECT 1").unwrap(), "1");
    servers.stop().unwrap();
}

#[test]
fn embedded_servers_end_with_their_manager_even_when_it_is_killed() {
    let scratch = ScratchDir::new("parent").unwrap();
    let data_dir = scratch.path().join("data");
    let mut manager = manager_elsewhere(&data_dir);
    kill(Some(manager.id()), libc::SIGKILL);
    manager.wait().unwrap();
    eventually("a clean shutdown", || (!data_dir.join("pg/postmaster.pid").exists()).then_some(()));
    eventually("the end of NATS", || {
        let config = data_dir.join("nats/nats.conf");
        super::process::find(|words| super::process::runs_on(words, "nats-server", &config)).is_empty().then_some(())
    });
}

#[test]
fn a_scratch_folder_goes_with_its_process() {
    let scratch = ScratchDir::new("scratch").unwrap();
    fs::write(scratch.path().join("file"), "x").unwrap();
    let path = scratch.path().to_owned();
    drop(scratch);
    assert!(!path.exists());
}
