//! A read model that reads an event of another schema version, or other events, is another version of itself: else the rows
//! that it made of the former form stay as they are. `versions.json` holds what each read model took when its version was
//! last raised.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::appointment::AppointmentEvent;
use domain::availability::AvailabilityEvent;
use domain::event::LoggedEvent;
use domain::facility::FacilityEvent;
use domain::patient::PatientEvent;
use domain::user::UserEvent;
use domain::waiting_list::WaitingEvent;
use projections_engine::Projection;
use serde::{Deserialize, Serialize};

/// What a read model took, and under which version of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    version: u32,
    /// The schema version of each event type.
    events: BTreeMap<String, u32>,
}

fn event_types() -> impl Iterator<Item = (&'static str, u32)> {
    let all = [
        AppointmentEvent::TYPES,
        AvailabilityEvent::TYPES,
        FacilityEvent::TYPES,
        PatientEvent::TYPES,
        UserEvent::TYPES,
        WaitingEvent::TYPES,
    ];
    all.into_iter().flatten().copied()
}

fn taken(projection: &dyn Projection) -> Taken {
    let events = event_types().filter(|(event_type, _)| projection.takes(event_type));
    Taken {
        version: projection.version(),
        events: events.map(|(event_type, version)| (event_type.to_owned(), version)).collect(),
    }
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("versions.json")
}

/// What there is to do about a read model, if anything.
fn advice(name: &str, written: Option<&Taken>, now: &Taken) -> Option<String> {
    let entry = serde_json::to_string_pretty(&BTreeMap::from([(name, now)])).expect("JSON");
    let Some(written) = written else {
        return Some(format!("{name} is not in versions.json. Add it:\n{entry}"));
    };
    if written == now {
        return None;
    }
    let differ: Vec<&String> = written
        .events
        .iter()
        .chain(&now.events)
        .filter(|(event_type, _)| written.events.get(*event_type) != now.events.get(*event_type))
        .map(|(event_type, _)| event_type)
        .collect();
    if written.version == now.version {
        return Some(format!(
            "{name} reads other events, or others of their schema versions: {differ:?}. Its rows were made of the former ones. \
             Raise its `version()`, which fills it anew, and write it into versions.json."
        ));
    }
    Some(format!("{name} is of another version. Write it into versions.json:\n{entry}"))
}

#[test]
fn a_read_model_that_reads_other_events_has_raised_its_version() {
    let written = fs::read_to_string(file()).expect("versions.json");
    let written: BTreeMap<String, Taken> = serde_json::from_str(&written).expect("the form of versions.json");
    let projections = projections::all();
    let now: BTreeMap<String, Taken> =
        projections.iter().map(|projection| (projection.name().to_owned(), taken(projection.as_ref()))).collect();
    let advice: Vec<String> = now.iter().filter_map(|(name, now)| advice(name, written.get(name), now)).collect();
    assert!(advice.is_empty(), "\n{}", advice.join("\n"));
    let gone: Vec<&String> = written.keys().filter(|name| !now.contains_key(*name)).collect();
    assert!(gone.is_empty(), "no read models any more, take them out of versions.json: {gone:?}");
}

#[test]
fn whoever_forgets_to_raise_a_version_is_told_what_to_do() {
    let taken = |version, schema| Taken { version, events: [("PatientRegistered".to_owned(), schema)].into() };
    let told = advice("patients", Some(&taken(3, 1)), &taken(3, 2)).expect("advice");
    assert!(told.contains("PatientRegistered") && told.contains("Raise its `version()`"), "{told}");
    let told = advice("patients", Some(&taken(3, 1)), &taken(4, 2)).expect("advice");
    assert!(told.contains("Write it into versions.json") && !told.contains("Raise"), "{told}");
    assert_eq!(advice("patients", Some(&taken(4, 2)), &taken(4, 2)), None);
    assert!(advice("patients", None, &taken(4, 2)).is_some_and(|told| told.contains("Add it")));
}

#[test]
fn no_read_model_takes_what_no_aggregate_says() {
    let silent: Vec<&str> = projections::all()
        .iter()
        .filter(|projection| taken(projection.as_ref()).events.is_empty())
        .map(|projection| projection.name())
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}
