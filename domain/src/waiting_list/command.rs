//! What can be asked of a place on the waiting list.

use jiff::Timestamp;

use super::Wish;
use crate::appointment::{Slot, Texts};
use crate::ids::{AppointmentId, OfferId, PatientId};
use crate::reminder::ReminderFailure;
use crate::values::Channel;

/// A command to a place on the waiting list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingCommand {
    /// Puts a patient on the list.
    JoinWaitingList {
        /// Whom.
        patient_id: PatientId,
        /// What they wait for.
        wish: Wish,
        /// What is written of it.
        texts: Texts,
    },
    /// Changes what is waited for. The place in the line stays.
    ChangeWish {
        /// What they wait for from now on.
        wish: Wish,
        /// What is written of it from now on.
        texts: Texts,
    },
    /// Offers a slot.
    OfferSlot {
        /// The offer's id.
        offer_id: OfferId,
        /// The slot.
        slot: Slot,
        /// Until when it is offered.
        answer_by: Timestamp,
        /// Whether the house tells the patient.
        tell_patient: bool,
    },
    /// A message about the offer leaves now, if none left before.
    HandOverMessage {
        /// Which offer.
        offer_id: OfferId,
        /// By what.
        channel: Channel,
    },
    /// The patient cannot be told of the offer.
    NoteFailedMessage {
        /// Which offer.
        offer_id: OfferId,
        /// Why.
        cause: ReminderFailure,
    },
    /// Takes what is offered. The appointment is booked or moved in the same append.
    AcceptOffer {
        /// Which offer.
        offer_id: OfferId,
        /// The appointment that it becomes.
        appointment_id: AppointmentId,
        /// Whether the patient said so themselves, and not somebody at the desk.
        by_patient: bool,
    },
    /// Does not take it, and waits on.
    DeclineOffer {
        /// Which offer.
        offer_id: OfferId,
        /// Whether the patient said so themselves.
        by_patient: bool,
    },
    /// Nobody answered in time.
    LapseOffer {
        /// Which offer.
        offer_id: OfferId,
    },
    /// Somebody else has the time by now.
    NoteOvertakenOffer {
        /// Which offer.
        offer_id: OfferId,
    },
    /// Takes the patient off the list.
    LeaveWaitingList {
        /// Whether the patient said so themselves.
        by_patient: bool,
    },
}
