//! Read models under change: rebuilt while everybody works, brought to a new release, stopped by an event, led by
//! another server.

mod leaders;
mod poison;
mod program;
mod readers;
mod swap;
mod tally;
mod upgrade;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::{CommandContext, Commands, Registration};
use domain::ids::{FacilityId, PatientId, Position};
use domain::patient::{Contact, Coverage, Identity, PatientDetails};
use domain::values::{BirthDate, FirstName, Gender, LastName, Reason, TextValue};
use event_store_schema::EventLog;
use projections::patients::Patients;
use projections_engine::{Projection, ProjectionState, Projections};
use system_tests::house::{House, open_practice};

/// A practice with its log and its read models, as in one server.
struct Practice {
    house: Arc<House>,
    log: EventLog,
    commands: Commands,
    facility: FacilityId,
}

impl Practice {
    /// With these read models installed, and none of them running.
    async fn with(projections: &[Arc<dyn Projection>]) -> Self {
        let house = Arc::new(House::new().await);
        projections_engine::install(&house.owner, projections).await.expect("tables");
        let log = house.open_log().await;
        let commands = Commands::new(log.clone());
        let facility = open_practice(&commands).await;
        Self { house, log, commands, facility }
    }

    /// Registers a patient of this number, who has a name of their own.
    async fn register(&self, number: usize) -> (PatientId, Position) {
        register(&self.commands, self.facility, number).await
    }

    async fn register_many(&self, numbers: std::ops::Range<usize>) -> Position {
        let registered = numbers.map(|number| self.register(number));
        let registered = futures_util::future::join_all(registered).await;
        registered.into_iter().map(|(_, position)| position).max().unwrap_or(Position::ZERO)
    }
}

async fn register(commands: &Commands, facility: FacilityId, number: usize) -> (PatientId, Position) {
    let details = PatientDetails {
        identity: Identity {
            last_name: LastName::parse(&format!("Le {}", letters(number))).expect("a value"),
            first_name: FirstName::parse("Zoé").expect("a value"),
            birth_date: BirthDate::parse("1984-02-29").expect("a value"),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        },
        contact: Contact::default(),
        coverage: Coverage::default(),
    };
    let registration = Registration { details, confirm_distinct: true, reason: Reason::parse("Deux personnes").ok() };
    let context = CommandContext::system(facility);
    let registered = commands.register_patient(&registration, &context).await.expect("registered");
    (PatientId(registered.id), registered.position.expect("written"))
}

/// A number in letters, for names have no digits.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>() + "goff"
}

fn patients() -> Arc<dyn Projection> {
    Arc::new(Patients)
}

fn state(projections: &Projections, name: &str) -> ProjectionState {
    projections.status().into_iter().find(|status| status.name == name).expect("it runs").state
}

/// Waits until it is so; a panic if it is not within the time.
async fn until(patience: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const SOON: Duration = Duration::from_secs(10);
