//! What can have happened to a place on the waiting list.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Wish;
use crate::appointment::{Slot, Texts};
use crate::event::LoggedEvent;
use crate::ids::{AppointmentId, OfferId, PatientId};
use crate::personal::Revealed;
use crate::reminder::ReminderFailure;
use crate::reservation::Reservation;
use crate::values::Channel;

/// An event of a place on the waiting list. Who waits, and for which times, is open by ids; what was written of it is the
/// patient's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum WaitingEvent {
    /// A patient waits.
    WaitingListJoined {
        /// Who.
        patient_id: PatientId,
        /// For what.
        #[serde(flatten)]
        wish: Wish,
        /// What was written of it.
        #[serde(default)]
        personal: Revealed<Texts>,
    },
    /// They wait for something else.
    WaitingWishChanged {
        /// For what, from now on.
        #[serde(flatten)]
        wish: Wish,
        /// What is written of it from now on.
        #[serde(default)]
        personal: Revealed<Texts>,
    },
    /// A slot was offered.
    SlotOffered {
        /// The offer's id.
        offer_id: OfferId,
        /// What was offered.
        #[serde(flatten)]
        slot: Slot,
        /// The zone of the practice at that time.
        time_zone: String,
        /// Until when.
        answer_by: Timestamp,
        /// Whether the house tells the patient, and not somebody at the desk.
        tell_patient: bool,
    },
    /// A message about it was about to leave, or left: nobody knows better from now on, and it is not sent again.
    OfferMessageHandedOver {
        /// Which offer.
        offer_id: OfferId,
        /// By what.
        channel: Channel,
    },
    /// The patient could not be told of it.
    OfferMessageFailed {
        /// Which offer.
        offer_id: OfferId,
        /// Why.
        cause: ReminderFailure,
    },
    /// It was taken, and became an appointment.
    OfferAccepted {
        /// Which offer.
        offer_id: OfferId,
        /// The appointment.
        appointment_id: AppointmentId,
        /// Whether the patient said so themselves.
        by_patient: bool,
    },
    /// It was not wanted.
    OfferDeclined {
        /// Which offer.
        offer_id: OfferId,
        /// Whether the patient said so themselves.
        by_patient: bool,
    },
    /// Nobody answered in time.
    OfferLapsed {
        /// Which offer.
        offer_id: OfferId,
    },
    /// Somebody else got the time.
    OfferOvertaken {
        /// Which offer.
        offer_id: OfferId,
    },
    /// The patient waits no more.
    WaitingListLeft {
        /// Whether the patient said so themselves.
        by_patient: bool,
    },
}

impl cqrs_es::DomainEvent for WaitingEvent {
    fn event_type(&self) -> String {
        match self {
            Self::WaitingListJoined { .. } => "WaitingListJoined",
            Self::WaitingWishChanged { .. } => "WaitingWishChanged",
            Self::SlotOffered { .. } => "SlotOffered",
            Self::OfferMessageHandedOver { .. } => "OfferMessageHandedOver",
            Self::OfferMessageFailed { .. } => "OfferMessageFailed",
            Self::OfferAccepted { .. } => "OfferAccepted",
            Self::OfferDeclined { .. } => "OfferDeclined",
            Self::OfferLapsed { .. } => "OfferLapsed",
            Self::OfferOvertaken { .. } => "OfferOvertaken",
            Self::WaitingListLeft { .. } => "WaitingListLeft",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::WaitingListJoined { .. }
            | Self::WaitingWishChanged { .. }
            | Self::SlotOffered { .. }
            | Self::OfferMessageHandedOver { .. }
            | Self::OfferMessageFailed { .. }
            | Self::OfferAccepted { .. }
            | Self::OfferDeclined { .. }
            | Self::OfferLapsed { .. }
            | Self::OfferOvertaken { .. }
            | Self::WaitingListLeft { .. } => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for WaitingEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("WaitingListJoined", 1),
        ("WaitingWishChanged", 1),
        ("SlotOffered", 1),
        ("OfferMessageHandedOver", 1),
        ("OfferMessageFailed", 1),
        ("OfferAccepted", 1),
        ("OfferDeclined", 1),
        ("OfferLapsed", 1),
        ("OfferOvertaken", 1),
        ("WaitingListLeft", 1),
    ];

    /// Nothing: an offer keeps nobody else from booking. The appointment that it becomes holds its own times.
    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::WaitingListJoined { .. }
            | Self::WaitingWishChanged { .. }
            | Self::SlotOffered { .. }
            | Self::OfferMessageHandedOver { .. }
            | Self::OfferMessageFailed { .. }
            | Self::OfferAccepted { .. }
            | Self::OfferDeclined { .. }
            | Self::OfferLapsed { .. }
            | Self::OfferOvertaken { .. }
            | Self::WaitingListLeft { .. } => Vec::new(),
        }
    }
}
