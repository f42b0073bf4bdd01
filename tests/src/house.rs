//! The house without its HTTP door: a log and commands on a database of the test's own.

use std::time::Duration;

use commands::{CommandContext, Commands};
use domain::facility::FacilityCommand;
use domain::ids::FacilityId;
use domain::upcasting::Upcasters;
use domain::values::{FacilityName, TextValue};
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use crate::cluster::Cluster;

/// A database of a test, on which any number of servers can be opened.
pub struct House {
    /// The settings by which its owner connects.
    pub owner: Config,
    master_key: String,
}

impl House {
    /// A new, empty database.
    pub async fn new() -> Self {
        let owner = Cluster::get().new_database().await;
        let master_key = MasterKeys::generate().expect("randomness").to_string();
        Self { owner, master_key }
    }

    /// One more server's log on this database, with pools of its own.
    pub async fn open_log(&self) -> EventLog {
        let database = Database::with_config(self.owner.clone(), 8).expect("settings");
        let master = MasterKeys::parse(&self.master_key).expect("a key");
        let keys = KeyRing::open(database.clone(), master).await.expect("the keys open");
        EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.expect("the log opens")
    }

    /// One more server's commands.
    pub async fn open_commands(&self) -> Commands {
        Commands::new(self.open_log().await)
    }

    /// A connection of the database's owner.
    pub async fn owner_client(&self) -> Client {
        connect(&self.owner).await
    }

    /// A connection that may do what the application may do.
    pub async fn application_client(&self) -> Client {
        connect(self.owner.clone().options("-c role=medicalpro_app")).await
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// A new practice in Brest.
pub async fn open_practice(commands: &Commands) -> FacilityId {
    let facility = FacilityId(Uuid::now_v7());
    let command = FacilityCommand::OpenFacility {
        name: FacilityName::parse("Cabinet du Port").expect("a name"),
        finess: None,
        time_zone: "Europe/Paris".to_owned(),
    };
    commands.open_facility(&command, &CommandContext::system(facility)).await.expect("the practice opens");
    facility
}
