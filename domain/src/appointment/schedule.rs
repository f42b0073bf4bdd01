//! What a decision on an appointment is made on, beside its own events, and what may be in its way.

use crate::ids::AppointmentId;
use crate::reservation::ResourceKind;
use crate::scheduling::{Interval, PracticeTime};

/// What a decision on an appointment has to know besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When it is made, and by which clock.
    pub clock: PracticeTime,
    /// When the practitioner sees patients around the times that are asked for: the fewest stretches.
    pub open: Vec<Interval>,
    /// Whether the practice lets appointments of the practitioner overlap, when somebody says why.
    pub overlap_allowed: bool,
    /// The appointments of the practitioner over which this one would lie, and is meant to.
    pub overlaps: Vec<AppointmentId>,
}

impl Schedule {
    /// For commands that take no time of anybody.
    pub const fn at(clock: PracticeTime) -> Self {
        Self { clock, open: Vec::new(), overlap_allowed: false, overlaps: Vec::new() }
    }

    pub(super) fn zone_name(&self) -> String {
        self.clock.zone.iana_name().unwrap_or("UTC").to_owned()
    }
}

/// Somebody or something that is taken already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Whether it is the practitioner, the patient or the room.
    pub resource: ResourceKind,
    /// The appointment that takes it; none if it is not one of this practice.
    pub appointment: Option<AppointmentId>,
    /// Of which times, where one stretch is known.
    pub during: Option<Interval>,
}
