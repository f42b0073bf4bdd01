//! What can be asked of a practice.

use crate::values::{FacilityName, Finess};

/// A command to a practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FacilityCommand {
    /// Opens it, so that people can work in it.
    OpenFacility {
        /// Its name.
        name: FacilityName,
        /// Its FINESS number, if it has one.
        finess: Option<Finess>,
        /// Its IANA time zone.
        time_zone: String,
    },
}
