//! The program `medicalpro-replay` on a real log: who is found, what is told, and how it ends.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use commands::{CommandContext, Commands, Registration};
use domain::event::Actor;
use domain::ids::{FacilityId, UserId};
use domain::patient::{Contact, Coverage, Identity, PatientCommand, PatientDetails};
use domain::role::Role;
use domain::upcasting::Upcasters;
use domain::values::{BirthDate, FirstName, Gender, LastName, PhoneNumber, Reason, TextValue};
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use serde_json::Value;
use system_tests::cluster::Cluster;
use system_tests::house::open_practice;
use system_tests::server::program;
use tempfile::TempDir;
use uuid::Uuid;

/// A data folder as a running server leaves it to the tools of its user.
struct Installation {
    folder: TempDir,
    commands: Commands,
}

impl Installation {
    async fn new() -> Self {
        let owner = Cluster::get().new_database().await;
        let master_key = MasterKeys::generate().expect("randomness");
        let database = Database::with_config(owner.clone(), 4).expect("settings");
        let keys = MasterKeys::parse(&master_key).expect("a key");
        let keys = KeyRing::open(database.clone(), keys).await.expect("the keys open");
        let log = EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(10)).await.expect("a log");

        let folder = tempfile::tempdir().expect("a folder");
        let postgres = Cluster::get().postgres();
        let url = postgres.url(owner.get_dbname().expect("a database"), postgres.superuser());
        let endpoints = serde_json::json!({"postgresUrl": url, "natsUrl": Cluster::get().nats_url()});
        fs::write(folder.path().join("endpoints.json"), endpoints.to_string()).expect("written");
        fs::write(folder.path().join("master.key"), master_key.as_bytes()).expect("written");
        Self { folder, commands: Commands::new(log) }
    }

    /// Runs the program with the settings of the data folder and nothing else.
    fn replay(&self, arguments: &[&str]) -> Answer {
        let folder = self.folder.path().to_str().expect("a plain path");
        Answer::of(replay_program().args(["--data-dir", folder]).args(arguments))
    }
}

fn replay_program() -> Command {
    let mut command = Command::new(program("medicalpro-replay"));
    command.env_clear();
    command
}

struct Answer {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Answer {
    fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: status.code(), out: text(stdout), error: text(stderr) }
    }

    fn refused(&self, code: i32, message: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.error);
        assert!(self.error.contains(message), "{}", self.error);
    }

    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{}", self.error);
        self.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

fn zoe() -> PatientDetails {
    PatientDetails {
        identity: Identity {
            last_name: LastName::parse("Le Goff").expect("a value"),
            first_name: FirstName::parse("Zoé").expect("a value"),
            birth_date: BirthDate::parse("1984-02-29").expect("a value"),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        },
        contact: Contact::default(),
        coverage: Coverage::default(),
    }
}

fn at_the_desk(facility: FacilityId, reason: Option<&str>) -> CommandContext {
    CommandContext {
        actor: Actor { user_id: UserId(Uuid::from_u128(7)), role: Some(Role::Secretary), session_id: None },
        client_address: Some("192.0.2.7".to_owned()),
        reason: reason.map(str::to_owned),
        ..CommandContext::system(facility)
    }
}

/// Registers Zoé Le Goff, gives her a telephone, and corrects her first name.
async fn three_versions(commands: &Commands, facility: FacilityId) -> Uuid {
    let registration = Registration { details: zoe(), confirm_distinct: false, reason: None };
    let registered = commands.register_patient(&registration, &at_the_desk(facility, None)).await.expect("registered");
    let mut details = zoe();
    details.contact.phone = Some(PhoneNumber::parse("02 61 91 00 12").expect("a value"));
    for (first_name, reason) in [("Zoé", None), ("Zoë", Some("Carte d'identité"))] {
        details.identity.first_name = FirstName::parse(first_name).expect("a value");
        let command = PatientCommand::RevisePatient {
            details: details.clone(),
            confirm_distinct: false,
            reason: reason.map(|text| Reason::parse(text).expect("a value")),
        };
        commands.change_patient(registered.id, &command, &at_the_desk(facility, reason)).await.expect("revised");
    }
    registered.id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_tells_who_changed_what_from_what_to_what_and_why() {
    let house = Installation::new().await;
    let practice = open_practice(&house.commands).await;
    three_versions(&house.commands, practice).await;
    let answer = house.replay(&["history", "--patient", "P260001"]);
    assert_eq!(answer.code, Some(0), "{}", answer.error);
    for told in ["Cabinet du Port", "PatientRegistered", "secretary", "Zoé", "Zoë", "+33261910012", "Carte d'identité"]
    {
        assert!(answer.out.contains(told), "{told} is not in\n{}", answer.out);
    }
    assert_eq!(
        house.replay(&["history", "--patient", "P260001"]).out,
        answer.out,
        "the same question, the same answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_has_one_version_a_line_in_order() {
    let house = Installation::new().await;
    let practice = open_practice(&house.commands).await;
    let id = three_versions(&house.commands, practice).await;
    let lines = house.replay(&["history", "--format", "ndjson", "--patient", &id.to_string()]).lines();
    let types: Vec<_> = lines.iter().map(|line| (line["version"].clone(), line["eventType"].clone())).collect();
    let expected = [(1, "PatientRegistered"), (2, "PatientContactChanged"), (3, "PatientIdentityCorrected")];
    assert_eq!(types, expected.map(|(version, event)| (version.into(), event.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_shown_as_it_was() {
    let house = Installation::new().await;
    let practice = open_practice(&house.commands).await;
    let id = three_versions(&house.commands, practice).await.to_string();
    let first_name = |moment: [&str; 2]| {
        let lines = house.replay(&[&["as-of", "--format", "ndjson", "--patient", &id], &moment[..]].concat()).lines();
        lines[0]["document"]["firstName"].clone()
    };
    assert_eq!(first_name(["--version", "2"]), "Zoé");
    assert_eq!(first_name(["--version", "3"]), "Zoë");
    assert_eq!(first_name(["--position", "3"]), "Zoé");
    assert_eq!(first_name(["--at", "2999-12-31"]), "Zoë");
    house.replay(&["as-of", "--patient", &id, "--at", "2001-01-01"]).refused(3, "yet");
    house.replay(&["as-of", "--patient", &id, "--version", "4"]).refused(3, "version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_two_practices_gave_needs_the_practice() {
    let house = Installation::new().await;
    let (one, other) = (open_practice(&house.commands).await, open_practice(&house.commands).await);
    let id = three_versions(&house.commands, one).await;
    three_versions(&house.commands, other).await;
    house.replay(&["history", "--patient", "P260001"]).refused(2, &one.to_string());
    let lines =
        house.replay(&["history", "--format=ndjson", "--patient=P260001", "--facility", &one.to_string()]).lines();
    assert_eq!(lines.len(), 3);
    // An id of one practice is nobody in another.
    let id = id.to_string();
    house.replay(&["history", "--patient", &id, "--facility", &other.to_string()]).refused(3, "no such patient");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_found_who_is_not_there_and_no_refusal_repeats_the_name() {
    let house = Installation::new().await;
    house.replay(&["history", "--patient", "P269999"]).refused(3, "no such patient");
    house.replay(&["history", "--patient", &Uuid::nil().to_string()]).refused(3, "no such patient");
    let answer = house.replay(&["history", "--patient", "Le Goff"]);
    answer.refused(2, "--patient");
    assert!(!answer.error.contains("Goff"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_is_named_as_the_cause() {
    let house = Installation::new().await;
    let other = MasterKeys::generate().expect("randomness");
    fs::write(house.folder.path().join("master.key"), other.as_bytes()).expect("written");
    house.replay(&["history", "--patient", "P260001"]).refused(1, "master key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_log_is_named_as_the_cause() {
    let postgres = Cluster::get().postgres();
    // One that was never migrated, and one that no server has worked with yet: a server would make its secrets there, the
    // tool cannot.
    let unused = Cluster::get().new_database().await;
    for database in ["postgres", unused.get_dbname().expect("a database")] {
        let answer = Answer::of(
            replay_program()
                .env("DATABASE_URL", postgres.url(database, postgres.superuser()))
                .env("MEDICALPRO_MASTER_KEY", MasterKeys::generate().expect("randomness").as_str())
                .args(["history", "--patient", "P260001"]),
        );
        answer.refused(1, "no log");
    }
}

#[test]
fn a_server_that_does_not_run_is_named_as_the_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a plain path");
    let history = ["history", "--patient", "P260001", "--data-dir", path];
    Answer::of(replay_program().args(history)).refused(1, "no server is running");

    let nowhere = format!(r#"{{"postgresUrl": "postgresql://postgres@{}:5432/x"}}"#, path.replace('/', "%2F"));
    fs::write(folder.path().join("endpoints.json"), nowhere).expect("written");
    fs::write(folder.path().join("master.key"), MasterKeys::generate().expect("randomness").as_bytes())
        .expect("written");
    Answer::of(replay_program().args(history)).refused(1, "does not answer");
}
