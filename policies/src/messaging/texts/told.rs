//! Who writes to a patient, and what the patient is told of.

use domain::ids::{AppointmentId, StreamVersion};
use domain::scheduling::Interval;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Who writes.
#[derive(Clone, Debug)]
pub struct Sender<'a> {
    /// What the practice is called.
    pub practice: &'a str,
    /// The zone that its clocks show.
    pub zone: &'a TimeZone,
    /// The address that its e-mails come from ([`Messengers::address`](crate::messaging::Messengers::address)).
    pub address: Option<&'a str>,
}

/// An appointment, as far as its patient is told of it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Which it is: calendars know it by this.
    pub id: AppointmentId,
    /// The version that this is: calendars keep the highest.
    pub version: StreamVersion,
    /// From when until when.
    pub during: Interval,
    /// With whom ([`practitioner_name`](super::practitioner_name)), if that is known.
    pub practitioner: Option<String>,
    /// Where in the practice.
    pub room: Option<String>,
    /// Where the patient confirms or cancels it.
    pub link: Option<String>,
}

/// A slot that is offered to a patient of the waiting list.
#[derive(Clone, Debug)]
pub struct Offer {
    /// From when until when.
    pub during: Interval,
    /// With whom ([`practitioner_name`](super::practitioner_name)), if that is known.
    pub practitioner: Option<String>,
    /// Where in the practice.
    pub room: Option<String>,
    /// When the appointment begins that it would take the place of.
    pub instead_of: Option<Timestamp>,
    /// Until when it is offered to this patient alone.
    pub until: Timestamp,
    /// Where the patient accepts or declines it.
    pub link: Option<String>,
}
