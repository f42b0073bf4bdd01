//! The audit of a drill, while nothing is written. It reads the log on from where the last audit ended. Everything else is
//! compared with it: acknowledged changes, read models, what the screens were shown, and what NATS holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use domain::aggregate::AggregateRoot;
use domain::event::{RecordedEvent, UnreadableEvent};
use domain::ids::{PatientId, Position, StreamVersion};
use domain::patient::Patient;
use event_store_schema::EventLog;
use futures_util::StreamExt;
use jiff::Timestamp;
use projections::patient_document;
use projections::publisher::{NatsNames, PublishedEvent};
use projections::push;
use projections_engine::rebuild::verify;
use serde_json::Value;
use uuid::Uuid;

use super::notes::Notes;
use super::overlaps::Calendar;
use crate::fleet::Fleet;
use crate::server::{Client, try_send};

/// How long read models, screens and NATS may take to show what is in the log, once everything is healed.
const CATCH_UP: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(50);
const PAGE: u32 = 1000;

/// What the log says, read event by event.
pub(super) struct Audit {
    fleet: Arc<Fleet>,
    notes: Arc<Notes>,
    log: EventLog,
    head: Position,
    versions: HashMap<String, StreamVersion>,
    patients: HashMap<Uuid, File>,
    calendar: Calendar,
    /// Where the events are that a screen of the practice is to be shown.
    to_be_shown: Vec<u64>,
}

/// A patient as the log tells.
struct File {
    patient: Patient,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
    events: Vec<(String, u64)>,
}

impl Audit {
    pub(super) async fn new(fleet: Arc<Fleet>, notes: Arc<Notes>) -> Self {
        let log = fleet.open_log().await;
        let head = Position::ZERO;
        let (versions, patients, calendar) = (HashMap::new(), HashMap::new(), Calendar::default());
        Self { fleet, notes, log, head, versions, patients, calendar, to_be_shown: Vec::new() }
    }

    /// The last position that was read.
    pub(super) const fn head(&self) -> u64 {
        self.head.get()
    }

    /// Compares everything with the log. Nobody must be writing.
    pub(super) async fn hold(&mut self, client: &Client) {
        self.read_on().await;
        self.compare_notes();
        self.compare_calendar().await;
        self.await_checkpoints().await;
        self.compare_read_model().await;
        self.compare_lists(client).await;
        self.await_screens().await;
    }

    /// Reads what is new: positions without a gap, versions without a gap.
    async fn read_on(&mut self) {
        let deadline = Instant::now() + CATCH_UP;
        loop {
            match self.log.read_forward(self.head, PAGE).await {
                Ok(events) if events.is_empty() => return,
                Ok(events) => events.iter().for_each(|event| self.follow(event)),
                // A pooled connection of before a fault.
                Err(_) if Instant::now() < deadline => tokio::time::sleep(LOOK).await,
                Err(error) => return self.notes.complain(format!("the log cannot be read: {error}")),
            }
        }
    }

    fn follow(&mut self, event: &RecordedEvent) {
        if event.position != self.head.next() {
            self.notes.complain(format!("position {} follows {}", event.position, self.head));
        }
        self.head = event.position;
        let version = self.versions.entry(event.stream.to_string()).or_default();
        if event.version != version.next() {
            self.notes.complain(format!("{} has version {} after {version}", event.stream, event.version));
        }
        *version = event.version;
        if push::frame(event).is_some() {
            self.to_be_shown.push(event.position.get());
        }
        match event.stream.aggregate() {
            "patient" => {}
            "appointment" => return self.calendar.follow(event, &self.notes),
            _ => return,
        }
        let file = self.patients.entry(event.stream.id()).or_insert_with(|| File {
            patient: Patient::default(),
            version: StreamVersion::ZERO,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            events: Vec::new(),
        });
        if let Err(error) = apply(&mut file.patient, event) {
            self.notes.complain(error.to_string());
        }
        (file.version, file.updated_at) = (event.version, event.recorded_at);
        file.events.push((event.event_type.clone(), event.position.get()));
    }

    /// Every acknowledged change is in the log once, where the answer said, and nothing else is.
    fn compare_notes(&self) {
        let changes = self.notes.changes();
        for (patient, noted) in &changes {
            let found = self.patients.get(patient).map(|file| file.events.as_slice()).unwrap_or_default();
            let agree = noted.len() == found.len()
                && noted.iter().zip(found).all(|(noted, (event_type, position))| {
                    noted.event_type == event_type && noted.position.is_none_or(|noted| noted == *position)
                });
            if !agree {
                self.notes.complain(format!("of patient {patient}, {noted:?} was acknowledged; the log has {found:?}"));
            }
        }
        for unknown in self.patients.keys().filter(|patient| !changes.contains_key(patient)) {
            self.notes.complain(format!("nobody knows of patient {unknown}, who is in the log"));
        }
    }

    /// Nobody is in two places, and who was promised an appointment has it.
    async fn compare_calendar(&self) {
        match self.reservations().await {
            Ok(held) => self.calendar.compare(&held, &self.notes),
            Err(error) => self.notes.complain(format!("the reservations cannot be read: {error}")),
        }
    }

    async fn reservations(&self) -> Result<Vec<(Uuid, Timestamp, Timestamp, Uuid)>, tokio_postgres::Error> {
        let client = self.fleet.owner_client().await?;
        let held =
            "SELECT resource_id, lower(during), upper(during), substr(stream_id, length('appointment-') + 1)::uuid
            FROM log.time_reservations";
        let rows = client.query(held, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect())
    }

    /// Read models and publisher reach the head of the log, and go no further.
    async fn await_checkpoints(&self) {
        let deadline = Instant::now() + CATCH_UP;
        let head = self.head.to_sql();
        loop {
            let found = self.checkpoints().await.unwrap_or_default();
            if found.len() > 1 && found.iter().all(|(_, position)| *position == head) {
                return;
            }
            if Instant::now() > deadline {
                let stuck: Vec<_> = found.iter().filter(|(_, position)| *position != head).collect();
                return self.notes.complain(format!("the log is at {head}; these are not: {stuck:?}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn checkpoints(&self) -> Result<Vec<(String, i64)>, tokio_postgres::Error> {
        let client = self.fleet.owner_client().await?;
        let rows = client.query("SELECT projection, position FROM read_model.checkpoints", &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// The documents are those that the log makes, and there is no other.
    async fn compare_read_model(&self) {
        let rows = match self.read_model().await {
            Ok(rows) => rows,
            Err(error) => return self.notes.complain(format!("the read model cannot be read: {error}")),
        };
        if rows.len() != self.patients.len() {
            let (shown, told) = (rows.len(), self.patients.len());
            self.notes.complain(format!("the read model has {shown} patients, the log {told}"));
        }
        for (patient, document, position) in rows {
            let expected = self.patients.get(&patient).map(|file| (file.document(patient), file.position()));
            if expected.as_ref() != Some(&(Some(document), position)) {
                self.notes.complain(format!("the read model of patient {patient} is not what the log makes of it"));
            }
        }
    }

    async fn read_model(&self) -> Result<Vec<(Uuid, Value, i64)>, tokio_postgres::Error> {
        let client = self.fleet.owner_client().await?;
        let rows = client.query("SELECT patient_id, document, position FROM read_model.patients", &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
    }

    /// Every server counts as many patients as there are.
    async fn compare_lists(&self, client: &Client) {
        for server in 0..self.fleet.len() {
            let client = client.of(self.fleet.url(server));
            let deadline = Instant::now() + CATCH_UP;
            loop {
                let request = client.request(reqwest::Method::GET, "/patients?status=all&limit=1");
                let answer = try_send(request.timeout(CATCH_UP)).await;
                let total = answer.as_ref().ok().and_then(|answer| answer.body["total"].as_u64());
                if total == Some(self.patients.len() as u64) {
                    break;
                }
                if total.is_some() || Instant::now() > deadline {
                    let told = self.patients.len();
                    self.notes.complain(format!("server {server} does not list {told} patients: {answer:?}"));
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Every screen was shown every event of its practice, once and in order.
    async fn await_screens(&self) {
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let shown = self.notes.shown();
            let late: Vec<_> = shown.iter().filter(|(_, seen)| seen.last() != self.to_be_shown.last()).collect();
            if late.is_empty() || Instant::now() > deadline {
                for (screen, seen) in &shown {
                    if *seen != self.to_be_shown {
                        self.notes.complain(format!("screen {screen}: {}", difference(seen, &self.to_be_shown)));
                    }
                }
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What would take too long each time. The read models are, row for row, what a rebuild makes. The stream on NATS holds
    /// every event, once and in order.
    pub(super) async fn hold_at_the_end(&mut self) {
        self.read_on().await;
        self.await_checkpoints().await;
        for projection in projections::all() {
            let name = projection.name();
            match verify(&self.log, self.fleet.owner(), projection.as_ref(), |_progress| ()).await {
                Ok(report) if report.differences.is_empty() => {}
                Ok(report) => self.notes.complain(format!("a rebuilt {name} differs: {:?}", report.differences)),
                Err(error) => self.notes.complain(format!("{name} cannot be rebuilt: {error}")),
            }
        }
        match self.published().await {
            Ok(positions) => {
                let expected: Vec<u64> = (1..=self.head.get()).collect();
                if positions != expected {
                    self.notes.complain(format!("the NATS stream: {}", difference(&positions, &expected)));
                }
            }
            Err(error) => self.notes.complain(format!("the NATS stream cannot be read: {error}")),
        }
    }

    async fn published(&self) -> Result<Vec<u64>, async_nats::Error> {
        let client = projections::publisher::connect(self.fleet.nats_url()).await?;
        let mut stream = jetstream::new(client).get_stream(NatsNames::default().stream()).await?;
        let count = usize::try_from(stream.info().await?.state.messages)?;
        let config = OrderedConfig { deliver_policy: DeliverPolicy::All, ..OrderedConfig::default() };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let mut positions = Vec::with_capacity(count);
        while positions.len() < count {
            let message = tokio::time::timeout(CATCH_UP, messages.next()).await?.ok_or("the stream ended")??;
            positions.push(serde_json::from_slice::<PublishedEvent>(&message.payload)?.position.get());
        }
        Ok(positions)
    }
}

impl File {
    fn document(&self, patient: Uuid) -> Option<Value> {
        let id = PatientId(patient);
        let document = patient_document(&self.patient, id, self.version, self.created_at, self.updated_at).ok()?;
        serde_json::from_str(document.get()).ok()
    }

    fn position(&self) -> i64 {
        self.events.last().map_or(0, |(_, position)| Position::from(*position).to_sql())
    }
}

/// One event more of an aggregate.
pub(super) fn apply<A: AggregateRoot>(aggregate: &mut A, event: &RecordedEvent) -> Result<(), UnreadableEvent> {
    aggregate.apply(event.decode()?);
    Ok(())
}

/// Where two lists of positions begin to differ.
fn difference(found: &[u64], expected: &[u64]) -> String {
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let around = |list: &[u64]| format!("{:?}", &list[same.min(list.len())..(same + 5).min(list.len())]);
    let (found_there, expected_there) = (around(found), around(expected));
    format!("{} of {}; after the first {same}: {found_there} instead of {expected_there}", found.len(), expected.len())
}
