//! The baseline: `pgbench -M prepared`, one transaction for each row. It inserts the very rows of our log into tables like
//! the log's, with all their indexes and checks. Its values stand in the prepared statement and never travel.

use std::process::Stdio;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use crate::servers::{BenchServers, House};

/// What a transaction writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// An event.
    Single,
    /// An event that holds a stretch of time which excludes others.
    Booking,
    /// An event with a patient's encrypted content that holds the time of the practitioner and of the patient: an appointment
    /// as it is booked through HTTP.
    Appointment,
    /// An event with a patient's encrypted content: a changed contact.
    PatientEvent,
    /// An event, a data key and what is unique of a patient: a registration.
    Registration,
}

impl Script {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Single, Self::Booking, Self::Appointment, Self::PatientEvent, Self::Registration];

    /// As figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Booking => "booking",
            Self::Appointment => "appointment",
            Self::PatientEvent => "patient_event",
            Self::Registration => "registration",
        }
    }

    const fn event_type(self) -> &'static str {
        match self {
            Self::Single | Self::Booking | Self::Appointment => "AppointmentBooked",
            Self::PatientEvent => "PatientContactChanged",
            Self::Registration => "PatientRegistered",
        }
    }
}

/// The tables like the log's.
pub const TABLES: &str = "
    CREATE SCHEMA plain;
    CREATE TABLE plain.events (LIKE log.events INCLUDING ALL);
    CREATE TABLE plain.time_reservations (LIKE log.time_reservations INCLUDING ALL,
        EXCLUDE USING gist (resource_id WITH =, during WITH &&));
    CREATE TABLE plain.key_reservations (LIKE log.key_reservations INCLUDING ALL);
    CREATE TABLE plain.data_keys (LIKE keys.data_keys INCLUDING ALL);
    CREATE SEQUENCE plain.position";

/// What else is unique of a patient, and the key of what is known of them.
const KEYS: &str = "INSERT INTO plain.key_reservations (kind, scope, key, stream_id, shared) VALUES ('patient_number', \
    '0198a000-0000-7000-8000-000000000001', convert_to('P26' || nextval('plain.position'), 'UTF8'), \
    'patient-' || gen_random_uuid()::text, false), ('patient_identity', '0198a000-0000-7000-8000-000000000001', \
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'patient-' || gen_random_uuid()::text, false);\n\
    INSERT INTO plain.data_keys (subject_id, facility_id, master_key_id, wrapped) VALUES (gen_random_uuid(), \
    '0198a000-0000-7000-8000-000000000001', '0123456789abcdef', decode(repeat('ab', 60), 'hex'));\n";

/// Writes the scripts from what stands in the logs of these houses: the sizes are those of real commands.
pub async fn write_scripts(servers: &BenchServers, appends: &House, practice: &House) {
    for script in Script::ALL {
        let house = match script {
            Script::Single | Script::Booking => appends,
            Script::Appointment | Script::PatientEvent | Script::Registration => practice,
        };
        write_script(servers, script, house).await;
    }
}

/// Writes one of them from what stands in this log.
pub async fn write_script(servers: &BenchServers, script: Script, house: &House) {
    let (client, driver) = house.owner.connect(NoTls).await.expect("a connection");
    tokio::spawn(driver);
    let event = insert_like(&client, script.event_type()).await;
    let text = match script {
        Script::Single | Script::PatientEvent => event,
        Script::Booking => holding(&event, &["practitioner"]),
        Script::Appointment => holding(&event, &["practitioner", "patient"]),
        Script::Registration => format!("BEGIN;\n{event}{KEYS}END;\n"),
    };
    std::fs::write(file(servers, script), text).expect("a script");
}

/// An event and the same half hour of all these.
fn holding(event: &str, kinds: &[&str]) -> String {
    let holds = kinds.iter().map(|kind| {
        format!(
            "('{kind}', gen_random_uuid(), tstzrange(to_timestamp(:slot), to_timestamp(:slot) + interval '30 minutes'), \
             'appointment-' || gen_random_uuid()::text)"
        )
    });
    let holds = holds.collect::<Vec<_>>().join(", ");
    let hold = format!("INSERT INTO plain.time_reservations (kind, resource_id, during, stream_id) VALUES {holds};\n");
    format!("\\set slot random(0, 2000000000)\nBEGIN;\n{event}{hold}END;\n")
}

/// An INSERT of the last event of this type, with fresh identifiers.
async fn insert_like(client: &Client, event_type: &str) -> String {
    let row = client
        .query_one(
            "SELECT payload::text, metadata::text, encode(sealed, 'hex'), split_part(stream_id, '-', 1) FROM log.events
             WHERE event_type = $1 ORDER BY global_position DESC LIMIT 1",
            &[&event_type],
        )
        .await
        .expect("the log holds such an event");
    let literal = |column: usize| row.get::<_, &str>(column).replace('\'', "''");
    let sealed = row
        .get::<_, Option<&str>>(2)
        .map_or("NULL, NULL".to_owned(), |hex| format!("gen_random_uuid(), '\\x{hex}'::bytea"));
    // A colon before a letter would be a variable of pgbench; in JSON that is only where a value begins.
    let json = |column: usize| literal(column).replace("\":", "\": ");
    format!(
        "INSERT INTO plain.events (global_position, event_id, stream_id, stream_version, event_type, schema_version, \
         facility_id, recorded_at, occurred_at, subject_id, sealed, payload, metadata) VALUES (nextval('plain.position'), \
         gen_random_uuid(), '{}-' || gen_random_uuid()::text, 1, '{event_type}', 1, \
         '0198a000-0000-7000-8000-000000000001', now(), now(), {sealed}, '{}', '{}');\n",
        literal(3),
        json(0),
        json(1),
    )
}

fn file(servers: &BenchServers, script: Script) -> std::path::PathBuf {
    servers.folder.join("data").join(format!("{}.sql", script.name()))
}

/// Transactions a second.
pub async fn run(servers: &BenchServers, script: Script, clients: usize, span: Duration) -> f64 {
    let (file, clients) = (file(servers, script), clients.to_string());
    let seconds = span.as_secs().max(1).to_string();
    let arguments =
        ["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, "-f", file.to_str().expect("a plain path")];
    let text = servers.run("pgbench", "appends", &arguments, Stdio::piped()).await;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench: {text}"))
}
