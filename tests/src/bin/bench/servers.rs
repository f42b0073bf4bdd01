//! The benchmark's own durable PostgreSQL and NATS, on disk, and the houses (databases) on them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use commands::Commands;
use domain::ids::FacilityId;
use domain::upcasting::Upcasters;
use embedded_servers::{EmbeddedServers, Options};
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys, migrate};
use system_tests::cluster::execute;
use system_tests::house::open_practice;
use tokio_postgres::Config;

/// The servers of one run.
pub struct BenchServers {
    pub servers: EmbeddedServers,
    /// Where the run's results and data stand.
    pub folder: PathBuf,
}

/// A database with the log's schema and one practice.
pub struct House {
    pub name: &'static str,
    pub owner: Config,
    pub log: EventLog,
    pub facility: FacilityId,
    pub master_key: String,
}

impl BenchServers {
    /// Starts them on an empty folder.
    pub fn start() -> Self {
        let folder = std::env::current_dir().expect("a folder").join("target/bench");
        let data = folder.join("data");
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&folder).expect("a folder");
        let servers = EmbeddedServers::start(Options { max_connections: 300, ..Options::new(&data) }).expect("servers");
        Self { servers, folder }
    }

    /// Stops them and gives the disk back.
    pub fn stop(self) {
        let data = self.folder.join("data");
        if let Err(error) = self.servers.stop() {
            eprintln!("{error}");
        }
        let _ = std::fs::remove_dir_all(data);
    }

    /// A database, as its owner.
    pub fn owner(&self, database: &str) -> Config {
        let endpoint = self.servers.postgres();
        endpoint.config(database, endpoint.superuser())
    }

    /// A new house.
    pub async fn house(&self, name: &'static str) -> House {
        execute(&self.owner("postgres"), &format!("CREATE DATABASE {name}")).await;
        let owner = self.owner(name);
        migrate(&owner).await.expect("migrations");
        let master_key = MasterKeys::generate().expect("randomness").to_string();
        let database = Database::with_config(owner.clone(), 8).expect("settings");
        let keys = KeyRing::open(database.clone(), MasterKeys::parse(&master_key).expect("a key")).await.expect("keys");
        let log = EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(30)).await.expect("the log");
        let facility = open_practice(&Commands::new(log.clone())).await;
        House { name, owner, log, facility, master_key }
    }

    /// Runs one of PostgreSQL's own programs on a database, and gives what it wrote.
    pub async fn run(&self, program: &str, database: &str, arguments: &[&str], output: Stdio) -> String {
        let endpoint = self.servers.postgres();
        let mut command = tokio::process::Command::new(self.servers.postgres_programs().join(program));
        command.arg("-h").arg(endpoint.socket_dir()).args(["-p", &endpoint.port().to_string()]);
        command.args(["-U", endpoint.superuser()]).args(arguments).arg(database).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
        let child = command.spawn().expect("PostgreSQL's own program runs");
        let output = child.wait_with_output().await.expect("PostgreSQL's own program ends");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
