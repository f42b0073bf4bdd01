//! What can be asked of a practitioner's availability.

use jiff::civil::Date;

use super::{BookingRules, DayHours, ExtraHours, Leave};
use crate::ids::{AppointmentId, ExtraHoursId, LeaveId};

/// A command to a practitioner's availability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AvailabilityCommand {
    /// Sets the hours of each week, from a day on until others are set. Days that are not named have none.
    SetWeeklyHours {
        /// The hours of each day.
        hours: Vec<DayHours>,
        /// The first day on which they hold; today if none is named.
        valid_from: Option<Date>,
    },
    /// Sets the hours of each week, and how close bookings may come, at once or not at all.
    Revise {
        /// The hours of each day.
        hours: Vec<DayHours>,
        /// The first day on which they hold; today if none is named.
        valid_from: Option<Date>,
        /// All rules, from now on; they stay as they are if left out.
        rules: Option<BookingRules>,
    },
    /// Takes time out of the hours, whatever they are.
    PlanLeave {
        /// The leave's id, made by the caller.
        leave_id: LeaveId,
        /// From when until when, and of which kind.
        leave: Leave,
        /// The appointments it lies over, as the caller found them.
        touched: Vec<AppointmentId>,
        /// Whether it is meant in spite of them.
        confirmed: bool,
    },
    /// Gives the time of a leave back.
    CancelLeave {
        /// Which leave.
        leave_id: LeaveId,
    },
    /// Adds hours on one day.
    OpenExtraHours {
        /// The id of these hours, made by the caller.
        extra_id: ExtraHoursId,
        /// The day and its hours.
        extra: ExtraHours,
    },
    /// Takes added hours away again.
    CloseExtraHours {
        /// Which of them.
        extra_id: ExtraHoursId,
    },
    /// Sets how close bookings may come, to each other and to the moment at which they are made.
    SetBookingRules {
        /// All rules, from now on.
        rules: BookingRules,
    },
}
