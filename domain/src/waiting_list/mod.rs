//! Somebody on the waiting list: a patient who wants a time sooner than there is one, and what was offered to them.
//!
//! ```text
//!            WaitingListJoined           SlotOffered
//!  (nothing) ─────────────────► waiting ────────────► offered ── OfferAccepted ──► served
//!                               │  ▲  ▲                │    │
//!               WaitingListLeft │  │  └────────────────┘    │ WaitingListLeft
//!                               ▼  │  OfferDeclined,        ▼
//!                             left │  OfferLapsed,        left
//!                                  └─ OfferOvertaken
//! ```
//!
//! An offer holds nothing: whoever books first gets the time, and somebody whose offer was overtaken waits on. The
//! appointment that an accepted offer becomes is written in the same append, so neither is there without the other.

mod command;
mod event;
mod rules;
#[cfg(test)]
mod tests;
mod wish;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::WaitingCommand;
pub use self::event::WaitingEvent;
pub use self::rules::{ANSWER_WITHIN, LEAST_TO_ANSWER, answer_by};
pub use self::wish::{MOST_PRACTITIONERS, MOST_TIMES, WaitingStatus, Wish, WishFor};
use crate::aggregate::AggregateRoot;
use crate::appointment::Slot;
use crate::ids::{AppointmentId, OfferId, PatientId, SubjectId, UserId};
use crate::personal::Revealed;
use crate::refusal::{Refusal, Refused};
use crate::reminder::ReminderFailure;
use crate::scheduling::{Interval, PracticeTime};
use crate::values::{Channel, Violation};

/// A place on the waiting list as its events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingEntry {
    /// Where it is in its life; none before anything happened.
    pub status: Option<WaitingStatus>,
    /// Who waits.
    pub patient_id: Option<PatientId>,
    /// For what.
    pub wish: Option<Wish>,
    /// What was written of it.
    pub texts: Revealed<crate::appointment::Texts>,
    /// What is offered at this moment.
    pub offer: Option<Offer>,
    /// What was offered before and did not become an appointment: it is not offered by itself again.
    pub passed: Vec<PassedSlot>,
    /// The appointment that it became.
    pub appointment_id: Option<AppointmentId>,
}

/// A slot that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The offer's id.
    pub offer_id: OfferId,
    /// What is offered.
    pub slot: Slot,
    /// From this instant on it is offered to somebody else.
    pub answer_by: Timestamp,
    /// Whether the house tells the patient.
    pub tell_patient: bool,
    /// What became of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What became of the message about an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// It left by this channel, or was about to when the server died.
    By(Channel),
    /// It did not.
    Not(ReminderFailure),
}

impl Offer {
    /// Whether the patient is still to be told of it.
    pub const fn is_untold(&self) -> bool {
        self.tell_patient && self.told.is_none()
    }
}

/// A slot that was offered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassedSlot {
    /// With whom.
    pub practitioner_id: UserId,
    /// When.
    #[serde(flatten)]
    pub during: Interval,
}

/// Why a command on a place in the waiting list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitingError {
    /// There is no such place.
    #[error("there is no such place on the waiting list")]
    NotWaiting,
    /// The patient has that place already.
    #[error("the place on the waiting list is taken already")]
    AlreadyWaiting,
    /// It is not where it should be in its life.
    #[error("this cannot happen to a place on the waiting list that is {}", crate::values::CodeValue::code(*status))]
    NotNow {
        /// Where it is.
        status: WaitingStatus,
    },
    /// This is not what is offered at this moment.
    #[error("this is not offered, or not any more")]
    NotOffered,
    /// The time to answer is over.
    #[error("the offer was good until {until}")]
    TooLate {
        /// Until when it was good.
        until: Timestamp,
    },
    /// The patient was told already, or could not be.
    #[error("the patient was told of the offer already, or could not be")]
    AlreadyTold,
    /// The offer is still good.
    #[error("the offer is good until {until}")]
    StillOpen {
        /// Until when.
        until: Timestamp,
    },
    /// The data are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
}

impl Refused for WaitingError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NotWaiting => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::AlreadyWaiting
            | Self::NotNow { .. }
            | Self::NotOffered
            | Self::AlreadyTold
            | Self::TooLate { .. }
            | Self::StillOpen { .. } => Refusal::NotNow(self.sentence()),
        }
    }
}

impl WaitingEntry {
    /// Whether it may be offered this slot by itself: it waits, wants such a time, and was not offered it before. Which
    /// specialties the practitioner has, and when the appointment lies that is to be moved, is for the caller to know.
    pub fn wants(
        &self,
        slot: &Slot,
        specialties: &[String],
        moves_from: Option<Timestamp>,
        time: &PracticeTime,
    ) -> bool {
        let passed = PassedSlot { practitioner_id: slot.practitioner_id, during: slot.during };
        let Some(wish) = &self.wish else { return false };
        self.status == Some(WaitingStatus::Waiting)
            && !self.passed.contains(&passed)
            && moves_from.is_none_or(|current| slot.during.from < current)
            && wish.allows(slot, specialties, time)
    }

    /// The offer of this id, if it is the one that is open.
    pub fn open_offer(&self, offer_id: OfferId) -> Result<&Offer, WaitingError> {
        if self.status.is_none() {
            return Err(WaitingError::NotWaiting);
        }
        self.offer.as_ref().filter(|offer| offer.offer_id == offer_id).ok_or(WaitingError::NotOffered)
    }

    /// The status, if it is one that allows something.
    fn allowed(&self, allow: impl FnOnce(WaitingStatus) -> bool) -> Result<WaitingStatus, WaitingError> {
        match self.status {
            None => Err(WaitingError::NotWaiting),
            Some(status) if allow(status) => Ok(status),
            Some(status) => Err(WaitingError::NotNow { status }),
        }
    }

    /// The event that the command leads to from here, if it changes anything.
    fn decide(&self, command: WaitingCommand, time: &PracticeTime) -> Result<Option<WaitingEvent>, WaitingError> {
        Ok(Some(match command {
            WaitingCommand::JoinWaitingList { patient_id, wish, texts } => {
                if self.status.is_some() {
                    return Err(WaitingError::AlreadyWaiting);
                }
                refuse(rules::wish_violations(&wish, time.today()))?;
                WaitingEvent::WaitingListJoined { patient_id, wish, personal: Revealed::Value(texts) }
            }
            WaitingCommand::ChangeWish { wish, texts } => {
                self.allowed(WaitingStatus::is_open)?;
                refuse(rules::wish_violations(&wish, time.today()))?;
                if self.wish.as_ref() == Some(&wish) && self.texts.value() == Some(&texts) {
                    return Ok(None);
                }
                WaitingEvent::WaitingWishChanged { wish, personal: Revealed::Value(texts) }
            }
            WaitingCommand::OfferSlot { offer_id, slot, answer_by, tell_patient } => {
                self.allowed(|status| status == WaitingStatus::Waiting)?;
                refuse(rules::offer_violations(&slot, answer_by, time.now))?;
                let time_zone = time.zone.iana_name().unwrap_or("UTC").to_owned();
                WaitingEvent::SlotOffered { offer_id, slot, time_zone, answer_by, tell_patient }
            }
            WaitingCommand::HandOverMessage { offer_id, channel } => {
                let offer = self.open_offer(offer_id)?;
                if offer.told.is_some() {
                    return Err(WaitingError::AlreadyTold);
                }
                if time.now >= offer.answer_by {
                    return Err(WaitingError::TooLate { until: offer.answer_by });
                }
                WaitingEvent::OfferMessageHandedOver { offer_id, channel }
            }
            WaitingCommand::NoteFailedMessage { offer_id, cause } => {
                if matches!(self.open_offer(offer_id)?.told, Some(Told::Not(_))) {
                    return Err(WaitingError::AlreadyTold);
                }
                WaitingEvent::OfferMessageFailed { offer_id, cause }
            }
            WaitingCommand::AcceptOffer { offer_id, appointment_id, by_patient } => {
                let offer = self.open_offer(offer_id)?;
                if time.now >= offer.answer_by {
                    return Err(WaitingError::TooLate { until: offer.answer_by });
                }
                WaitingEvent::OfferAccepted { offer_id, appointment_id, by_patient }
            }
            WaitingCommand::DeclineOffer { offer_id, by_patient } => {
                self.open_offer(offer_id)?;
                WaitingEvent::OfferDeclined { offer_id, by_patient }
            }
            WaitingCommand::LapseOffer { offer_id } => {
                let until = self.open_offer(offer_id)?.answer_by;
                if time.now < until {
                    return Err(WaitingError::StillOpen { until });
                }
                WaitingEvent::OfferLapsed { offer_id }
            }
            WaitingCommand::NoteOvertakenOffer { offer_id } => {
                self.open_offer(offer_id)?;
                WaitingEvent::OfferOvertaken { offer_id }
            }
            WaitingCommand::LeaveWaitingList { by_patient } => {
                self.allowed(WaitingStatus::is_open)?;
                WaitingEvent::WaitingListLeft { by_patient }
            }
        }))
    }

    fn tell(&mut self, told: Told) {
        if let Some(offer) = &mut self.offer {
            offer.told = Some(told);
        }
    }

    /// The open offer did not become an appointment.
    fn pass(&mut self) {
        if let Some(Offer { slot, .. }) = self.offer.take() {
            self.passed.push(PassedSlot { practitioner_id: slot.practitioner_id, during: slot.during });
        }
        self.status = Some(WaitingStatus::Waiting);
    }
}

impl Aggregate for WaitingEntry {
    const TYPE: &'static str = "waiting";
    type Command = WaitingCommand;
    type Event = WaitingEvent;
    type Error = WaitingError;
    type Services = PracticeTime;

    async fn handle(
        &mut self,
        command: WaitingCommand,
        time: &PracticeTime,
        sink: &EventSink<Self>,
    ) -> Result<(), WaitingError> {
        if let Some(event) = self.decide(command, time)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: WaitingEvent) {
        match event {
            WaitingEvent::WaitingListJoined { patient_id, wish, personal } => {
                self.status = Some(WaitingStatus::Waiting);
                (self.patient_id, self.wish, self.texts) = (Some(patient_id), Some(wish), personal);
            }
            WaitingEvent::WaitingWishChanged { wish, personal } => {
                (self.wish, self.texts) = (Some(wish), personal);
            }
            WaitingEvent::SlotOffered { offer_id, slot, time_zone: _, answer_by, tell_patient } => {
                self.status = Some(WaitingStatus::Offered);
                self.offer = Some(Offer { offer_id, slot, answer_by, tell_patient, told: None });
            }
            WaitingEvent::OfferMessageHandedOver { offer_id: _, channel } => self.tell(Told::By(channel)),
            WaitingEvent::OfferMessageFailed { offer_id: _, cause } => self.tell(Told::Not(cause)),
            WaitingEvent::OfferAccepted { offer_id: _, appointment_id, by_patient: _ } => {
                self.status = Some(WaitingStatus::Served);
                (self.offer, self.appointment_id) = (None, Some(appointment_id));
            }
            WaitingEvent::OfferDeclined { .. }
            | WaitingEvent::OfferLapsed { .. }
            | WaitingEvent::OfferOvertaken { .. } => self.pass(),
            WaitingEvent::WaitingListLeft { by_patient: _ } => {
                self.pass();
                self.status = Some(WaitingStatus::Left);
            }
        }
    }
}

impl AggregateRoot for WaitingEntry {
    /// The patient who waits.
    fn subject(&self, _id: Uuid) -> Option<SubjectId> {
        self.patient_id.map(SubjectId::from)
    }
}

fn refuse(violations: Vec<Violation>) -> Result<(), WaitingError> {
    if violations.is_empty() { Ok(()) } else { Err(WaitingError::Invalid(violations)) }
}
