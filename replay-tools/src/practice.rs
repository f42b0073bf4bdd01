//! The practice that keeps a file.

use domain::ids::FacilityId;
use jiff::tz::TimeZone;

/// A practice, as far as a report needs it.
#[derive(Debug)]
pub struct Practice {
    /// Its id.
    pub id: FacilityId,
    /// Its name.
    pub name: String,
    /// Where its days begin and end.
    pub time_zone: TimeZone,
}
