//! What can have happened to a practitioner's availability.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{BookingRules, DayHours, ExtraHours, Leave};
use crate::event::LoggedEvent;
use crate::ids::{AppointmentId, ExtraHoursId, LeaveId};
use crate::reservation::Reservation;

/// An event of a practitioner's availability. None holds personal data of a patient, and none says why somebody is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum AvailabilityEvent {
    /// These are the hours of each week, from a day on until the day of the next such event.
    WeeklyHoursSet {
        /// The hours of each day that has any.
        hours: Vec<DayHours>,
        /// The first day on which they hold.
        valid_from: Date,
    },
    /// The practitioner will be away.
    LeavePlanned {
        /// The leave's id.
        leave_id: LeaveId,
        /// From when until when, and of which kind.
        #[serde(flatten)]
        leave: Leave,
        /// The appointments over which it was meant to lie, as they were found right before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        touched: Vec<AppointmentId>,
    },
    /// They will not be away after all.
    LeaveCancelled {
        /// Which leave.
        leave_id: LeaveId,
    },
    /// They will be there on a day besides the usual hours.
    ExtraHoursOpened {
        /// The id of these hours.
        extra_id: ExtraHoursId,
        /// The day and its hours.
        #[serde(flatten)]
        extra: ExtraHours,
    },
    /// They will not be there besides the usual hours after all.
    ExtraHoursClosed {
        /// Which of them.
        extra_id: ExtraHoursId,
    },
    /// It was decided how close bookings may come.
    BookingRulesSet {
        /// All rules from now on.
        #[serde(flatten)]
        rules: BookingRules,
    },
}

impl cqrs_es::DomainEvent for AvailabilityEvent {
    fn event_type(&self) -> String {
        match self {
            Self::WeeklyHoursSet { .. } => "WeeklyHoursSet",
            Self::LeavePlanned { .. } => "LeavePlanned",
            Self::LeaveCancelled { .. } => "LeaveCancelled",
            Self::ExtraHoursOpened { .. } => "ExtraHoursOpened",
            Self::ExtraHoursClosed { .. } => "ExtraHoursClosed",
            Self::BookingRulesSet { .. } => "BookingRulesSet",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::WeeklyHoursSet { .. }
            | Self::LeavePlanned { .. }
            | Self::LeaveCancelled { .. }
            | Self::ExtraHoursOpened { .. }
            | Self::ExtraHoursClosed { .. }
            | Self::BookingRulesSet { .. } => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for AvailabilityEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("WeeklyHoursSet", 1),
        ("LeavePlanned", 1),
        ("LeaveCancelled", 1),
        ("ExtraHoursOpened", 1),
        ("ExtraHoursClosed", 1),
        ("BookingRulesSet", 1),
    ];

    /// Hours hold nothing. Who books reads them, and guards their stream.
    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::WeeklyHoursSet { .. }
            | Self::LeavePlanned { .. }
            | Self::LeaveCancelled { .. }
            | Self::ExtraHoursOpened { .. }
            | Self::ExtraHoursClosed { .. }
            | Self::BookingRulesSet { .. } => Vec::new(),
        }
    }
}
