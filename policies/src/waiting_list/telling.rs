//! Patients are told of what is offered to them: by e-mail or a text message, once each, outside quiet hours.
//!
//! That a message leaves stands in the log before its last byte does, on condition that none left before. A server that dies
//! earlier leaves the offer untold, and the next one tells it; one that dies later leaves it told, and nobody tells it twice.
//! An offer is short-lived: what cannot be sent in its time is not sent, and what was refused is for the desk to say.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use commands::{CommandContext, CommandError};
use domain::appointment::Appointment;
use domain::facility::Facility;
use domain::ids::OfferId;
use domain::patient::Patient;
use domain::reminder::ReminderFailure;
use domain::user::User;
use domain::values::{Channel, CodeValue};
use domain::waiting_list::{WaitingCommand, WaitingEntry, WaitingError};
use futures_util::FutureExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use projections::waiting_list::OpenOffer;
use projections_engine::following::PolicyError;
use tokio_util::task::TaskTracker;

use super::work::{NotNow, Work};
use crate::messaging::texts::{Offer, Sender, practitioner_name};
use crate::messaging::{DeliveryError, Outgoing, SendError, texts};
use crate::patient_links::{LinkKind, PatientLink};
use crate::reminders::recipient;

/// How long until a message is tried again: doubled from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// Messages on their way, and those that are tried again. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Telling {
    pub(super) tasks: TaskTracker,
    tries: Arc<Mutex<HashMap<OfferId, Try>>>,
    /// Whether a message's task panicked since that was last told.
    panicked: Arc<AtomicBool>,
}

/// One offer's message. Whoever takes the lead begins anew: what counts is in the log.
struct Try {
    under_way: bool,
    failures: u32,
    next: Instant,
}

/// What is to be done next.
enum Outcome {
    /// Nothing: it is told, or not to be told any more.
    Done,
    /// It is looked at again in a moment.
    Wait,
    /// It is tried again, later each time.
    Retry,
}

impl Telling {
    /// Whether the message of this offer is to be tried now.
    fn begin(&self, offer: OfferId) -> bool {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let known = tries.entry(offer).or_insert(Try { under_way: false, failures: 0, next: now });
        let begins = !known.under_way && known.next <= now;
        known.under_way |= begins;
        begins
    }

    fn end(&self, offer: OfferId, outcome: &Outcome) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = tries.get_mut(&offer) else { return };
        known.under_way = false;
        match outcome {
            Outcome::Done => drop(tries.remove(&offer)),
            Outcome::Wait => known.next = Instant::now() + BACKOFF.0,
            Outcome::Retry => {
                known.next = Instant::now() + (BACKOFF.0 * 2_u32.pow(known.failures.min(6))).min(BACKOFF.1);
                known.failures += 1;
            }
        }
    }
}

impl Telling {
    /// Begins to tell patients what they have not been told. Does not wait for the messages: other patients are offered
    /// something meanwhile. A message whose task panicked is tried again like one that failed, and is told as an error, so
    /// that `health/ready` shows it.
    pub(super) async fn tell_patients(&self, work: &Work) -> Result<(), PolicyError> {
        if self.panicked.swap(false, Ordering::Relaxed) {
            return Err(NotNow::Panicked.into());
        }
        for open in work.waiting.untold(Timestamp::now()).await? {
            if !self.begin(open.offer_id) {
                continue;
            }
            let (work, telling) = (work.clone(), self.clone());
            self.tasks.spawn(async move {
                let outcome = match AssertUnwindSafe(tell(&work, &open)).catch_unwind().await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a patient cannot be told of an offer yet");
                        Outcome::Retry
                    }
                    Err(_panic) => {
                        telling.panicked.store(true, Ordering::Relaxed);
                        Outcome::Retry
                    }
                };
                telling.end(open.offer_id, &outcome);
            });
        }
        Ok(())
    }
}

/// Tells one patient, if that is still to be done.
async fn tell(work: &Work, open: &OpenOffer) -> Result<Outcome, PolicyError> {
    let OpenOffer { facility_id, waiting_id, offer_id } = *open;
    let found = work.commands.load::<WaitingEntry>(facility_id, waiting_id.0).await?;
    let Some(entry) = found.map(|loaded| loaded.aggregate) else { return Ok(Outcome::Done) };
    if !entry.open_offer(offer_id).is_ok_and(domain::waiting_list::Offer::is_untold) {
        return Ok(Outcome::Done);
    }
    if !Channel::ALL.iter().any(|channel| work.messengers.can(*channel)) {
        return Ok(Outcome::Wait);
    }
    let outgoing = match compose(work, open, &entry).await? {
        Composed::Message(outgoing) => outgoing,
        Composed::Night => return Ok(Outcome::Wait),
        Composed::Nobody(cause) => return fail(work, open, cause).await,
    };
    let channel = outgoing.recipient.channel();
    let handing_over = async {
        let command = WaitingCommand::HandOverMessage { offer_id, channel };
        let context = CommandContext::system(facility_id);
        work.commands.change_waiting(waiting_id, &command, &context).await.map(|_| ())
    };
    match work.messengers.send(&outgoing, handing_over).await {
        // Whether it arrived or not: it is not sent twice.
        Ok(()) | Err(SendError::Delivery(DeliveryError::Unknown(_))) => Ok(Outcome::Done),
        Err(SendError::Delivery(DeliveryError::Permanent(_))) => fail(work, open, ReminderFailure::Refused).await,
        Err(SendError::Delivery(DeliveryError::Transient(_))) => {
            let now = work.commands.load::<WaitingEntry>(facility_id, waiting_id.0).await?;
            let untold = now.is_some_and(|now| {
                now.aggregate.open_offer(offer_id).is_ok_and(domain::waiting_list::Offer::is_untold)
            });
            // After it was handed over, that is the last word.
            if untold { Ok(Outcome::Retry) } else { fail(work, open, ReminderFailure::GivenUp).await }
        }
        // Answered, lapsed, or told by another server in the meantime.
        Err(SendError::HandingOver(CommandError::Refused(_) | CommandError::NotFound)) => Ok(Outcome::Done),
        Err(SendError::HandingOver(error)) => Err(error.into()),
    }
}

/// Notes that the patient is to be told by somebody of the practice.
async fn fail(work: &Work, open: &OpenOffer, cause: ReminderFailure) -> Result<Outcome, PolicyError> {
    let command = WaitingCommand::NoteFailedMessage { offer_id: open.offer_id, cause };
    let context = CommandContext::system(open.facility_id);
    match work.commands.change_waiting(open.waiting_id, &command, &context).await {
        Ok(_) | Err(CommandError::Refused(_) | CommandError::NotFound) => Ok(Outcome::Done),
        Err(error) => Err(error.into()),
    }
}

enum Composed {
    Message(Outgoing),
    /// Nobody is disturbed now.
    Night,
    /// There is nobody who could read it.
    Nobody(ReminderFailure),
}

/// The message, as things are now: to the patient's address of this moment.
async fn compose(work: &Work, open: &OpenOffer, entry: &WaitingEntry) -> Result<Composed, PolicyError> {
    let (commands, facility) = (&work.commands, open.facility_id);
    let practice = commands.load::<Facility>(facility, facility.0).await?;
    let practice = practice.ok_or(CommandError::<WaitingError>::NotFound)?.aggregate;
    let zone = TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC);
    if practice.reminders.quiet_hours.is_some_and(|quiet| quiet.around(Timestamp::now(), &zone).is_some()) {
        return Ok(Composed::Night);
    }
    let (Some(wish), Some(patient), Some(offer)) = (&entry.wish, entry.patient_id, &entry.offer) else {
        return Ok(Composed::Nobody(ReminderFailure::NotFollowed));
    };
    let patient = commands.load::<Patient>(facility, patient.0).await?.map(|loaded| loaded.aggregate);
    let Some(patient) = patient.filter(|patient| patient.contact.value().is_some() && !patient.archived) else {
        return Ok(Composed::Nobody(ReminderFailure::NotFollowed));
    };
    let wished = wish.channel.unwrap_or(Channel::Sms);
    let Some(recipient) = recipient(&work.messengers, &patient, wished) else {
        return Ok(Composed::Nobody(ReminderFailure::Unreachable));
    };
    let practitioner = commands.load::<User>(facility, offer.slot.practitioner_id.0).await?;
    let moved = match wish.appointment_id {
        Some(id) => commands.load::<Appointment>(facility, id.0).await?,
        None => None,
    };
    let told = Offer {
        during: offer.slot.during,
        practitioner: practitioner.and_then(|loaded| practitioner_name(&loaded.aggregate)),
        room: None,
        instead_of: moved.and_then(|loaded| loaded.aggregate.starts()),
        until: offer.answer_by,
        link: work.links.as_ref().and_then(|links| {
            let moment = offer.slot.during.from;
            links.address(PatientLink { kind: LinkKind::Offer, id: open.waiting_id.0, moment })
        }),
    };
    let sender = Sender { practice: &practice.name, zone: &zone, address: work.messengers.address() };
    Ok(Composed::Message(texts::offer(&sender, &told)?.to(open.offer_id.0, &sender, recipient)))
}
