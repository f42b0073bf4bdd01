//! Which appointments ahead lie in a leave of their practitioner. It is worked out at every read. So a cancelled leave or a
//! moved appointment leaves no mark behind.

use domain::ids::{FacilityId, LeaveId, UserId};
use domain::scheduling::{Interval, stretch};
use jiff::Timestamp;
use projections_engine::reading::QueryError;

use super::AvailabilityQueries;
use crate::appointments::AppointmentView;

/// A leave that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveAhead {
    /// Whose.
    pub practitioner_id: UserId,
    /// Which.
    pub leave_id: LeaveId,
    /// From when until when.
    pub during: Interval,
}

impl LeaveAhead {
    /// Whether an appointment has to be moved because of it: one that is still ahead, of this practitioner, any of whose times
    /// lie in it.
    pub fn concerns(&self, view: &AppointmentView, now: Timestamp) -> bool {
        let times = || view.additional_slots.iter().chain([&view.during]);
        let ahead = view.status.is_ahead() && times().any(|time| time.until > now);
        ahead && view.practitioner_id == self.practitioner_id && times().any(|time| time.overlaps(self.during))
    }
}

impl AvailabilityQueries {
    /// The leave of these practitioners, or of all if none is named, that is not over.
    pub async fn leave_ahead(
        &self,
        facility: FacilityId,
        practitioners: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<LeaveAhead>, QueryError> {
        let named = Some(practitioners).filter(|practitioners| !practitioners.is_empty());
        let (zone, known) = self.of(facility, named).await?;
        let leave = known.iter().flat_map(|known| {
            known.availability.leave.iter().filter_map(|(leave_id, leave)| {
                let during = stretch(leave.from, leave.until, &zone).filter(|during| during.until > now)?;
                Some(LeaveAhead { practitioner_id: known.practitioner_id, leave_id: *leave_id, during })
            })
        });
        Ok(leave.collect())
    }
}
