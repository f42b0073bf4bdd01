//! The baseline: `pgbench -M prepared` that inserts the same rows, one transaction each.

use std::process::Stdio;
use std::time::Duration;

use crate::servers::BenchServers;

#[derive(Clone, Copy)]
pub enum Script {
    SingleEvent,
    Booking,
}

const EVENT: &str = r#"INSERT INTO plain.events (global_position, event_id, stream_id, stream_version, event_type, schema_version, facility_id, subject_id, recorded_at, occurred_at, payload, sealed, metadata)
VALUES (nextval('plain.position'), gen_random_uuid(), 'appointment-' || gen_random_uuid()::text, 1, 'AppointmentBooked', 1, '0198a000-0000-7000-8000-000000000001', NULL, now(), now(), '{"practitionerId":"0198a000-0000-7000-8000-000000000002","start":"2027-03-01T09:00:00Z","end":"2027-03-01T09:30:00Z","type":"consultation","priority":"normal"}', NULL, '{"actor":{"userId":"0198a000-0000-7000-8000-000000000003","role":"secretary"},"requestId":"0198a000-0000-7000-8000-000000000004","correlationId":"0198a000-0000-7000-8000-000000000005"}');
"#;

impl Script {
    fn text(self) -> String {
        match self {
            Self::SingleEvent => EVENT.to_owned(),
            Self::Booking => format!(
                "\\set slot random(0, 2000000000)\nBEGIN;\n{EVENT}INSERT INTO plain.time_reservations (kind, resource_id, during, stream_id) VALUES ('practitioner', gen_random_uuid(), tstzrange(to_timestamp(:slot), to_timestamp(:slot) + interval '30 minutes'), 'appointment-' || gen_random_uuid()::text);\nEND;\n"
            ),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SingleEvent => "single_event.sql",
            Self::Booking => "booking.sql",
        }
    }
}

/// Transactions a second.
pub async fn run(servers: &BenchServers, script: Script, clients: u32, span: Duration) -> f64 {
    let file = servers.folder.join(script.name());
    std::fs::write(&file, script.text()).expect("script");
    let endpoint = servers.servers.postgres();
    let output = tokio::process::Command::new(servers.servers.postgres_programs().join("pgbench"))
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &span.as_secs().to_string()])
        .arg("-h")
        .arg(endpoint.socket_dir())
        .args(["-p", &endpoint.port().to_string(), "-U", endpoint.superuser(), "-f"])
        .arg(&file)
        .arg("bench")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("pgbench runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
