//! What can have happened to a practice.

use serde::{Deserialize, Serialize};

use crate::event::LoggedEvent;
use crate::reservation::Reservation;
use crate::values::{FacilityName, Finess};

/// An event of a practice. None holds personal data of patients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FacilityEvent {
    /// The practice works with MedicalPro from now on.
    #[serde(rename_all = "camelCase")]
    FacilityOpened {
        /// Its name.
        name: FacilityName,
        /// Its FINESS number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finess: Option<Finess>,
        /// Its IANA time zone.
        time_zone: String,
    },
}

impl cqrs_es::DomainEvent for FacilityEvent {
    fn event_type(&self) -> String {
        match self {
            Self::FacilityOpened { .. } => "FacilityOpened".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl LoggedEvent for FacilityEvent {
    const TYPES: &'static [(&'static str, u32)] = &[("FacilityOpened", 1)];

    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::FacilityOpened { .. } => Vec::new(),
        }
    }
}
