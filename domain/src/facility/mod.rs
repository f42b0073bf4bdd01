//! A practice or clinic (cabinet, clinique). Every other stream belongs to one.

mod command;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::FacilityCommand;
pub use self::event::FacilityEvent;
use crate::aggregate::{AggregateRoot, Circumstances};
use crate::ids::SubjectId;
use crate::values::{Finess, TextValue};

/// A practice as its events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facility {
    /// Empty until the practice is opened.
    pub name: String,
    /// Its number in the national register of establishments, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finess: Option<Finess>,
    /// Its IANA time zone, in which wall-clock times are meant.
    pub time_zone: String,
}

/// Why a command on a practice is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FacilityError {
    /// It can be opened once.
    #[error("the facility is already open")]
    AlreadyOpen,
    /// The IANA database does not know the time zone.
    #[error("unknown time zone")]
    UnknownTimeZone,
}

impl Facility {
    /// Whether it was opened.
    pub fn is_open(&self) -> bool {
        !self.time_zone.is_empty()
    }
}

impl Aggregate for Facility {
    const TYPE: &'static str = "facility";
    type Command = FacilityCommand;
    type Event = FacilityEvent;
    type Error = FacilityError;
    type Services = Circumstances;

    async fn handle(
        &mut self,
        command: FacilityCommand,
        _services: &Circumstances,
        sink: &EventSink<Self>,
    ) -> Result<(), FacilityError> {
        match command {
            FacilityCommand::OpenFacility { name, finess, time_zone } => {
                if self.is_open() {
                    return Err(FacilityError::AlreadyOpen);
                }
                if jiff::tz::TimeZone::get(&time_zone).is_err() {
                    return Err(FacilityError::UnknownTimeZone);
                }
                let opened = FacilityEvent::FacilityOpened { name, finess, time_zone };
                sink.write(opened, self).await;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: FacilityEvent) {
        match event {
            FacilityEvent::FacilityOpened { name, finess, time_zone } => {
                *self = Self { name: name.as_str().to_owned(), finess, time_zone };
            }
        }
    }
}

impl AggregateRoot for Facility {
    fn subject(&self, _id: Uuid) -> Option<SubjectId> {
        None
    }
}
