//! The benchmark's own durable PostgreSQL and NATS, on disk.

use std::path::PathBuf;
use std::time::Duration;

use api::embedded::{EmbeddedServers, Options};
use domain::upcasting::Upcasters;
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys, migrate};

pub struct BenchServers {
    pub servers: EmbeddedServers,
    pub folder: PathBuf,
}

impl BenchServers {
    pub fn start() -> Self {
        let folder = std::env::current_dir().expect("a folder").join("target/bench");
        let data = folder.join("data");
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&folder).expect("a folder");
        let servers = EmbeddedServers::start(Options::new(&data)).expect("servers");
        Self { servers, folder }
    }

    pub fn owner(&self) -> tokio_postgres::Config {
        let endpoint = self.servers.postgres();
        endpoint.config("bench", endpoint.superuser())
    }

    pub async fn prepare(&self) {
        let endpoint = self.servers.postgres();
        system_tests::cluster::execute(&endpoint.config("postgres", endpoint.superuser()), "CREATE DATABASE bench")
            .await;
        migrate(&self.owner()).await.expect("migrations");
        system_tests::cluster::execute(
            &self.owner(),
            "CREATE SCHEMA plain;
             CREATE TABLE plain.events (LIKE log.events INCLUDING ALL);
             CREATE TABLE plain.time_reservations (LIKE log.time_reservations INCLUDING ALL,
                 EXCLUDE USING gist (resource_id WITH =, during WITH &&));
             CREATE SEQUENCE plain.position CACHE 1;",
        )
        .await;
    }

    pub async fn open_log(&self) -> EventLog {
        let database = Database::with_config(self.owner(), 8).expect("settings");
        let master = MasterKeys::parse(&MasterKeys::generate().expect("key")).expect("key");
        let keys = KeyRing::open(database.clone(), master).await;
        let keys = match keys {
            Ok(keys) => keys,
            Err(_) => {
                system_tests::cluster::execute(&self.owner(), "DELETE FROM keys.secrets").await;
                let master = MasterKeys::parse(&MasterKeys::generate().expect("key")).expect("key");
                KeyRing::open(database.clone(), master).await.expect("keys")
            }
        };
        EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.expect("log")
    }
}
