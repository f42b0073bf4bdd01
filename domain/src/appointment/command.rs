//! What can be asked of an appointment.

use jiff::Timestamp;

use super::details::{Details, Occurrence, Slot};
use super::schedule::Conflict;
use crate::ids::{AppointmentId, LinkId, PatientId};
use crate::reminder::{ReminderMark, ReminderRule};
use crate::reservation::ResourceKind;
use crate::values::Reason;

/// A command to an appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppointmentCommand {
    /// Keeps a slot for some minutes, while somebody is on the telephone; again, for some minutes more or another slot.
    HoldSlot {
        /// The slot.
        slot: Slot,
        /// It may lie outside the practitioner's hours; the booking will have to say why.
        override_availability: bool,
    },
    /// Gives a slot back before its time.
    ReleaseSlot,
    /// Gives a slot back whose time is over, so that somebody else can have it.
    ReleaseExpiredSlot,
    /// Books: at once, or the slot that was kept, or another one instead of it.
    BookAppointment {
        /// For whom.
        patient_id: PatientId,
        /// When, with whom and where.
        slot: Slot,
        /// What it is about.
        details: Details,
        /// Its place in a series.
        occurrence: Option<Occurrence>,
        /// What is booked together with it.
        link_id: Option<LinkId>,
        /// What may be out of the ordinary.
        terms: Terms,
    },
    /// Moves it to other times, another practitioner or another room. Checked as a booking is.
    RescheduleAppointment {
        /// When, with whom and where from now on.
        slot: Slot,
        /// What may be out of the ordinary.
        terms: Terms,
    },
    /// Moves it, changes what it is about, or both at once; what stays the same is not an event.
    ReviseAppointment {
        /// When, with whom and where from now on.
        slot: Slot,
        /// What it is about from now on.
        details: Details,
        /// What may be out of the ordinary.
        terms: Terms,
    },
    /// Changes what it is about; what stays the same is not an event.
    ChangeDetails {
        /// What it is about from now on.
        details: Details,
    },
    /// The patient says that they will come.
    ConfirmAppointment,
    /// The patient is here.
    ReportArrival,
    /// The practitioner begins.
    StartAppointment,
    /// The practitioner has seen the patient.
    CompleteAppointment,
    /// Calls it off.
    CancelAppointment {
        /// Why.
        reason: Option<Reason>,
    },
    /// The patient answers to a message about it, without anybody of the practice.
    AnswerByPatient {
        /// When it began as the patient was told; once it was moved, the answer is about nothing.
        starts: Timestamp,
        /// What they say.
        answer: PatientAnswer,
    },
    /// The patient did not come.
    ReportAbsence,
    /// It was called off, or reported missed, by mistake: it takes its times again, if they are free. Checked as a booking is.
    RestoreAppointment {
        /// Whose it is.
        patient_id: PatientId,
        /// The slot that it had.
        slot: Slot,
        /// What may be out of the ordinary.
        terms: Terms,
    },
    /// Decides how the patient is reminded of it.
    ChooseReminders {
        /// Reminders of its own; none for those of the practice.
        reminders: Option<Vec<ReminderRule>>,
    },
    /// Notes what became of reminders; what is noted already is not an event.
    NoteReminders {
        /// What became of each.
        marks: Vec<ReminderMark>,
    },
}

impl AppointmentCommand {
    /// The slot that it wants, if it wants one.
    pub const fn slot(&self) -> Option<&Slot> {
        match self {
            Self::HoldSlot { slot, .. }
            | Self::BookAppointment { slot, .. }
            | Self::RescheduleAppointment { slot, .. }
            | Self::ReviseAppointment { slot, .. }
            | Self::RestoreAppointment { slot, .. } => Some(slot),
            Self::ReleaseSlot
            | Self::ReleaseExpiredSlot
            | Self::ChangeDetails { .. }
            | Self::ConfirmAppointment
            | Self::ReportArrival
            | Self::StartAppointment
            | Self::CompleteAppointment
            | Self::CancelAppointment { .. }
            | Self::AnswerByPatient { .. }
            | Self::ReportAbsence
            | Self::ChooseReminders { .. }
            | Self::NoteReminders { .. } => None,
        }
    }

    /// The patient whom it brings in.
    pub const fn patient(&self) -> Option<PatientId> {
        if let Self::BookAppointment { patient_id, .. } | Self::RestoreAppointment { patient_id, .. } = self {
            Some(*patient_id)
        } else {
            None
        }
    }

    /// The appointments over which it would lie, if all that it meets is the practitioner, and it is meant to. Whether it may
    /// is for [`handle`](cqrs_es::Aggregate::handle) to say.
    pub fn overlaps(&self, conflicts: &[Conflict]) -> Option<Vec<AppointmentId>> {
        let terms = match self {
            Self::BookAppointment { terms, .. }
            | Self::RescheduleAppointment { terms, .. }
            | Self::ReviseAppointment { terms, .. }
            | Self::RestoreAppointment { terms, .. } => terms,
            Self::HoldSlot { .. }
            | Self::ReleaseSlot
            | Self::ReleaseExpiredSlot
            | Self::ChangeDetails { .. }
            | Self::ConfirmAppointment
            | Self::ReportArrival
            | Self::StartAppointment
            | Self::CompleteAppointment
            | Self::CancelAppointment { .. }
            | Self::AnswerByPatient { .. }
            | Self::ReportAbsence
            | Self::ChooseReminders { .. }
            | Self::NoteReminders { .. } => return None,
        };
        let met = conflicts.iter().map(|met| met.appointment.filter(|_| met.resource == ResourceKind::Practitioner));
        let met = met.collect::<Option<Vec<_>>>()?;
        Some(met).filter(|met| terms.accept_overlap && !met.is_empty())
    }
}

/// What a patient says to a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientAnswer {
    /// They will come.
    Comes,
    /// They will not: it is called off.
    DoesNotCome,
}

/// What may be out of the ordinary about a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// It may lie outside the practitioner's hours.
    pub override_availability: bool,
    /// It may lie over other appointments of the practitioner, if the practice allows that.
    pub accept_overlap: bool,
    /// Why; needed with either of them, and for what lies in the past.
    pub reason: Option<Reason>,
}
