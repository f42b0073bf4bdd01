//! One PostgreSQL and one NATS for all tests of a program, started by the first that asks, gone with the program.
//!
//! Each test gets a database of its own, copied from a migrated template in some tens of milliseconds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use embedded_servers::{EmbeddedServers, Options, PostgresEndpoint, ScratchDir};
use event_store_schema::migrate;
use tokio_postgres::{Config, NoTls};

/// The name of the database that every test's is copied from.
const TEMPLATE: &str = "medicalpro_template";

/// The servers of this test program.
pub struct Cluster {
    postgres: PostgresEndpoint,
    nats_url: String,
    // Held so that they run as long as the program; the folder outlives them.
    _servers: Mutex<EmbeddedServers>,
    _folder: ScratchDir,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    // A thread and a runtime of its own: the first test may be inside another runtime, and must not block it.
    let started = std::thread::spawn(|| {
        let folder = ScratchDir::new("tests").expect("a folder for the test servers");
        let servers = EmbeddedServers::start(Options::for_tests(folder.path().join("data"))).expect("test servers");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(make_template(&servers));
        Cluster {
            postgres: servers.postgres().clone(),
            nats_url: servers.nats_url().to_owned(),
            _servers: Mutex::new(servers),
            _folder: folder,
        }
    });
    started.join().expect("the test servers start")
});

static DATABASES: AtomicU32 = AtomicU32::new(1);

impl Cluster {
    /// The servers, started if need be.
    pub fn get() -> &'static Self {
        &CLUSTER
    }

    /// Where the tests' PostgreSQL answers.
    pub fn postgres(&self) -> &PostgresEndpoint {
        &self.postgres
    }

    /// The address of the tests' NATS.
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The settings of a new database with all schemas and nothing in it, as its owner.
    pub async fn new_database(&self) -> Config {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.copy(TEMPLATE, &name).await;
        self.owner(&name)
    }

    fn owner(&self, database: &str) -> Config {
        self.postgres.config(database, self.postgres.superuser())
    }

    async fn copy(&self, template: &str, name: &str) {
        // Both names are made here, of letters and digits.
        let statement = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
        execute(&self.owner("postgres"), &statement).await;
    }
}

async fn make_template(servers: &EmbeddedServers) {
    let endpoint = servers.postgres();
    let owner = |database: &str| endpoint.config(database, endpoint.superuser());
    execute(&owner("postgres"), &format!("CREATE DATABASE {TEMPLATE}")).await;
    migrate(&owner(TEMPLATE)).await.expect("migrations");
}

/// Runs one statement on a connection of its own.
pub async fn execute(config: &Config, statement: &str) {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.expect("the statement runs");
    drop(client);
    let _ = driver.await;
}
