//! `medicalpro-replay rebuild`: what it does, what it says, and how it ends.

use std::fs;
use std::process::{Command, Output};

use commands::Commands;
use domain::ids::Position;
use domain::upcasting::Upcasters;
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use projections_engine::Projections;
use system_tests::cluster::{Cluster, execute};
use system_tests::house::open_practice;
use system_tests::server::program;

use crate::{SOON, register};

#[tokio::test(flavor = "multi_thread")]
async fn the_program_rebuilds_and_verifies_read_models() {
    let owner = Cluster::get().new_database().await;
    projections_engine::install(&owner, &projections::all()).await.expect("tables");
    let master_key = MasterKeys::generate().expect("randomness");
    let database = Database::with_config(owner.clone(), 4).expect("settings");
    let keys = KeyRing::open(database.clone(), MasterKeys::parse(&master_key).expect("a key")).await.expect("keys");
    let log = EventLog::open(database, keys, Upcasters::current(), SOON).await.expect("a log");
    let commands = Commands::new(log.clone());
    let facility = open_practice(&commands).await;
    let read_models = Projections::start(log, projections::all());
    let mut position = Position::ZERO;
    for number in 0..20 {
        position = register(&commands, facility, number).await.1;
    }
    assert!(read_models.wait_for(position, SOON).await);

    let postgres = Cluster::get().postgres();
    let url = postgres.url(owner.get_dbname().expect("a database"), postgres.superuser());
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("master.key");
    fs::write(&key, master_key.as_bytes()).expect("written");
    let rebuild = |arguments: &[&str]| {
        let mut command = Command::new(program("medicalpro-replay"));
        command.env_clear().env("DATABASE_URL", &url).env("MEDICALPRO_MASTER_KEY_FILE", &key);
        let Output { status, stdout, stderr } = command.arg("rebuild").args(arguments).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status.code(), text(stdout), text(stderr))
    };

    let (code, said, error) = rebuild(&["--verify"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains(&format!("patients: equal at position {position}")), "{said}");

    execute(&owner, "UPDATE read_model.patients SET codes = 'x'").await;
    let (code, _, error) = rebuild(&["--verify"]);
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("table patients: rows only live: 20, only rebuilt: 20"), "{error}");
    assert!(!error.to_lowercase().contains("goff"), "{error}");

    let (code, said, error) = rebuild(&["--projection", "patients"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains(&format!("patients: rebuilt up to position {position}")), "{said}");
    assert!(!said.contains("facilities"), "{said}");
    assert_eq!(rebuild(&["--verify"]).0, Some(0));
    assert_eq!(rebuild(&["--projection", "nobody"]).0, Some(2));
    read_models.stop().await;
}
