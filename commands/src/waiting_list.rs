//! Commands on the waiting list. Accepting an offer books or moves an appointment, by the checks of any booking, in one
//! append with the answer. If another booking took the time first, the reservation refuses the append, and the patient waits
//! on.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentError, Details, Slot, Terms, Texts};
use domain::ids::{AppointmentId, FacilityId, OfferId, PatientId, WaitingId};
use domain::refusal::{Refusal, Refused};
use domain::reservation::ResourceKind;
use domain::values::RuleBroken;
use domain::waiting_list::{WaitingCommand, WaitingEntry, WaitingError, Wish};
use event_store_schema::{AppendError, Appended};
use uuid::Uuid;

use crate::appointments::{BOOKING_ATTEMPTS, participants};
use crate::booking_facts::Participants;
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::{Commands, Executed, decide, pause, stream_append};
use crate::loaded::Loaded;

/// Why a patient does not get what is offered to them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AcceptRefusal {
    /// It is not offered to them, or not any more.
    #[error(transparent)]
    Offer(#[from] WaitingError),
    /// It cannot be booked: the time is taken, the practitioner is not there any more, or the patient is somewhere else.
    #[error(transparent)]
    Appointment(#[from] AppointmentError),
}

impl Refused for AcceptRefusal {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::Offer(error) => error.refusal().map(Self::Offer),
            Self::Appointment(error) => error.refusal().map(Self::Appointment),
        }
    }
}

type WaitingFailure = CommandError<WaitingError>;
type AcceptFailure = CommandError<AcceptRefusal>;

/// What an offer is to become.
struct Booking {
    id: AppointmentId,
    command: AppointmentCommand,
    /// The appointment that is moved; nothing if it is a new one.
    before: Loaded<Appointment>,
}

impl Commands {
    /// Puts a patient on the waiting list, under an id that the caller made.
    pub async fn join_waiting_list(
        &self,
        id: WaitingId,
        patient: PatientId,
        wish: Wish,
        texts: Texts,
        context: &CommandContext,
    ) -> Result<Executed<WaitingEntry>, WaitingFailure> {
        let guard = self.followed_patient(context.facility_id, patient, true).await;
        let guard = guard.map_err(|error| error.map(in_words_of_waiting));
        let checked = match guard {
            Ok(guard) => self.check_wish(patient, &wish, context.facility_id).await.map(|()| guard),
            Err(error) => Err(error),
        };
        let outcome = match checked {
            Ok(guard) => {
                let command = WaitingCommand::JoinWaitingList { patient_id: patient, wish, texts };
                let time = self.practice_time(context.facility_id).await?;
                self.execute(id.0, &command, &time, &[guard], context).await
            }
            Err(error) => Err(error),
        };
        self.or_first_answer(outcome, context).await
    }

    /// Changes what a patient waits for.
    pub async fn change_wish(
        &self,
        id: WaitingId,
        wish: Wish,
        texts: Texts,
        context: &CommandContext,
    ) -> Result<Executed<WaitingEntry>, WaitingFailure> {
        let loaded = self.load::<WaitingEntry>(context.facility_id, id.0).await?;
        let patient = loaded.and_then(|loaded| loaded.aggregate.patient_id).ok_or(CommandError::NotFound)?;
        if self.waiting(id, context.facility_id).await?.wish.as_ref() != Some(&wish) {
            self.check_wish(patient, &wish, context.facility_id).await?;
        }
        self.change_waiting(id, &WaitingCommand::ChangeWish { wish, texts }, context).await
    }

    /// Any other command on a place on the list, except accepting an offer. Practitioner and room of an offered slot must be
    /// bookable here.
    pub async fn change_waiting(
        &self,
        id: WaitingId,
        command: &WaitingCommand,
        context: &CommandContext,
    ) -> Result<Executed<WaitingEntry>, WaitingFailure> {
        if let WaitingCommand::OfferSlot { slot, .. } = command {
            // If the place is another practice's, the refusal says that, and nothing of the slot.
            self.waiting(id, context.facility_id).await?;
            let needed = Participants { practitioner: slot.practitioner_id, patient: None, room: slot.room_id };
            // Without guards: an offer reserves nothing, and is checked again when it is accepted.
            self.facts(&needed, true, context.facility_id).await.map_err(|error| error.map(in_words_of_waiting))?;
        }
        let time = self.practice_time(context.facility_id).await?;
        let outcome = self.execute::<WaitingEntry>(id.0, command, &time, &[], context).await;
        outcome.map_err(|error| match error {
            CommandError::Refused(WaitingError::NotWaiting) => CommandError::NotFound,
            error => error,
        })
    }

    /// Accepts an offer: books the appointment, or moves the later one, in the same append. If the time is taken by then, the
    /// place notes it, and the patient waits on.
    pub async fn accept_offer(
        &self,
        id: WaitingId,
        offer_id: OfferId,
        by_patient: bool,
        context: &CommandContext,
    ) -> Result<Executed<WaitingEntry>, AcceptFailure> {
        if let Some(key) = &context.idempotency
            && let Some(first) = self.log().find_outcome(key).await?
        {
            return self.repeat_acceptance(id, first, context.facility_id).await;
        }
        let outcome = self.take_offer(id, offer_id, by_patient, context).await;
        if let Err(CommandError::Refused(AcceptRefusal::Appointment(refusal))) = &outcome
            && is_gone(refusal)
        {
            // The house acts here: the request's key and reason do not belong to it.
            let own = CommandContext {
                correlation_id: context.correlation_id,
                ..CommandContext::system(context.facility_id)
            };
            let note = WaitingCommand::NoteOvertakenOffer { offer_id };
            match self.change_waiting(id, &note, &own).await {
                Ok(_) | Err(CommandError::Refused(_) | CommandError::NotFound) => {}
                Err(error) => return Err(error.map(AcceptRefusal::Offer)),
            }
        }
        outcome
    }

    /// Whether the patient could have this slot now. It is decided by the same rules as a booking, and never relied on.
    pub async fn could_have(
        &self,
        entry: &WaitingEntry,
        slot: &Slot,
        context: &CommandContext,
    ) -> Result<bool, AppointmentFailure> {
        let Some(booking) = self.booking(entry, slot, context.facility_id).await? else { return Ok(false) };
        match self.check_appointment(booking.id, &booking.command, context).await {
            Ok(conflicts) => Ok(conflicts.is_empty()),
            Err(CommandError::Refused(_) | CommandError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn take_offer(
        &self,
        id: WaitingId,
        offer_id: OfferId,
        by_patient: bool,
        context: &CommandContext,
    ) -> Result<Executed<WaitingEntry>, AcceptFailure> {
        for attempt in 0..BOOKING_ATTEMPTS {
            let found =
                self.load::<WaitingEntry>(context.facility_id, id.0).await.map_err(CommandError::while_reading)?;
            let waiting = found.ok_or(CommandError::NotFound)?;
            let time = self.practice_time(context.facility_id).await?;
            let slot = waiting.aggregate.open_offer(offer_id).map_err(|error| refused(error.into()))?.slot.clone();
            let booking = self.booking(&waiting.aggregate, &slot, context.facility_id).await;
            let booking = booking.map_err(|error| error.map(AcceptRefusal::Appointment))?;
            let booking = booking.ok_or(refused(WaitingError::NotOffered.into()))?;
            let accept = WaitingCommand::AcceptOffer { offer_id, appointment_id: booking.id, by_patient };
            let (after, accepted) =
                decide(&waiting, &accept, &time, context).await.map_err(|error| error.map(AcceptRefusal::Offer))?;
            let unconditional = CommandContext { if_match: None, ..context.clone() };
            let participants = participants(&slot, &booking.command);
            let facts = self.facts(&participants, true, context.facility_id).await;
            let facts = facts.map_err(|error| error.map(AcceptRefusal::Appointment))?;
            let schedule = facts.schedule(&slot, &[]);
            let (appointment, booked) = decide(&booking.before, &booking.command, &schedule, &unconditional)
                .await
                .map_err(|error| error.map(AcceptRefusal::Appointment))?;
            let streams = vec![
                stream_append::<Appointment>(
                    booking.id.0,
                    booking.before.version,
                    appointment.subject(booking.id.0),
                    &booked,
                    context.facility_id,
                )?,
                stream_append::<WaitingEntry>(
                    id.0,
                    waiting.version,
                    after.subject(id.0),
                    &accepted,
                    context.facility_id,
                )?,
            ];
            match self.log().append(context.append_request(streams, facts.guards)).await {
                Ok(first) if first.replayed => return self.repeat_acceptance(id, first, context.facility_id).await,
                Ok(first) => {
                    let now = self.load::<WaitingEntry>(context.facility_id, id.0).await;
                    let after = now.map_err(CommandError::while_reading)?.ok_or(CommandError::NotFound)?;
                    let position = Some(first.last_position);
                    return Ok(Executed { id: id.0, after, events: accepted, position, replayed: false });
                }
                Err(AppendError::WrongVersion { .. }) => pause(attempt).await,
                Err(AppendError::Reserved(holders)) => {
                    let met = self.conflicts(context.facility_id, &holders).await;
                    let (conflicts, expired) = met.map_err(CommandError::while_reading)?;
                    if !conflicts.is_empty() {
                        return Err(refused(AppointmentError::Conflicts(conflicts).into()));
                    }
                    self.release(&expired, context).await.map_err(CommandError::while_reading)?;
                    pause(attempt).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }

    /// What the first request with this idempotency key led to.
    async fn repeat_acceptance(
        &self,
        id: WaitingId,
        first: Appended,
        facility: FacilityId,
    ) -> Result<Executed<WaitingEntry>, AcceptFailure> {
        let found = self.load::<WaitingEntry>(facility, id.0).await.map_err(CommandError::while_reading)?;
        let after = found.ok_or(CommandError::NotFound)?;
        Ok(Executed { id: id.0, after, events: Vec::new(), position: Some(first.last_position), replayed: true })
    }

    /// What this slot would become for a patient who waits. None if the appointment that was to be moved is over.
    async fn booking(
        &self,
        entry: &WaitingEntry,
        slot: &Slot,
        facility: FacilityId,
    ) -> Result<Option<Booking>, AppointmentFailure> {
        let (Some(wish), Some(patient_id)) = (&entry.wish, entry.patient_id) else { return Ok(None) };
        if let Some(id) = wish.appointment_id {
            let before = self.load::<Appointment>(facility, id.0).await?;
            let ahead = |loaded: &Loaded<Appointment>| loaded.aggregate.status.is_some_and(|status| status.is_ahead());
            // A patient who came, or cancelled, waits for nothing better.
            let Some(before) = before.filter(ahead) else { return Ok(None) };
            let command = AppointmentCommand::RescheduleAppointment { slot: slot.clone(), terms: Terms::default() };
            return Ok(Some(Booking { id, command, before }));
        }
        let texts = entry.texts.value().cloned().unwrap_or_default();
        let details = Details { kind: wish.kind, priority: wish.priority, texts };
        let (slot, terms) = (slot.clone(), Terms::default());
        let command =
            AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id: None, terms };
        Ok(Some(Booking { id: AppointmentId(Uuid::now_v7()), command, before: Loaded::nothing() }))
    }

    /// Refuses a wish whose patient, practitioners or appointment this practice does not have.
    async fn check_wish(&self, patient: PatientId, wish: &Wish, facility: FacilityId) -> Result<(), WaitingFailure> {
        for (number, practitioner) in wish.whom.practitioner_ids.iter().enumerate() {
            match self.guarded_availability::<WaitingError>(facility, *practitioner).await {
                Ok(_) => {}
                Err(CommandError::NotFound) => {
                    let field = format!("practitionerIds[{number}]");
                    return Err(invalid(&field, "unknown_practitioner", NO_PRACTITIONER));
                }
                Err(error) => return Err(error),
            }
        }
        let Some(id) = wish.appointment_id else { return Ok(()) };
        let loaded = self.load::<Appointment>(facility, id.0).await.map_err(CommandError::while_reading)?;
        let own = loaded.filter(|loaded| loaded.aggregate.patient_id == Some(patient));
        match own.and_then(|loaded| loaded.aggregate.status) {
            None => Err(invalid("appointmentId", "unknown_appointment", "The patient has no such appointment.")),
            Some(status) if !status.is_ahead() => {
                Err(invalid("appointmentId", "not_ahead", "The appointment is over, or called off."))
            }
            Some(_) => Ok(()),
        }
    }

    async fn waiting(&self, id: WaitingId, facility: FacilityId) -> Result<WaitingEntry, WaitingFailure> {
        let loaded = self.load::<WaitingEntry>(facility, id.0).await?;
        Ok(loaded.ok_or(CommandError::NotFound)?.aggregate)
    }
}

const NO_PRACTITIONER: &str = "Nobody of this id treats patients in the practice.";

/// Whether the offered time is gone for every patient.
fn is_gone(refusal: &AppointmentError) -> bool {
    match refusal {
        AppointmentError::Conflicts(conflicts) => {
            conflicts.iter().any(|conflict| conflict.resource != ResourceKind::Patient)
        }
        AppointmentError::OutsideAvailability { .. } => true,
        AppointmentError::NotBooked
        | AppointmentError::AlreadyBooked
        | AppointmentError::NotHeld
        | AppointmentError::StillHeld { .. }
        | AppointmentError::NotNow { .. }
        | AppointmentError::NotBegun { .. }
        | AppointmentError::Moved
        | AppointmentError::Begun
        | AppointmentError::OverlapNotAllowed
        | AppointmentError::Invalid(_) => false,
    }
}

fn refused(refusal: AcceptRefusal) -> AcceptFailure {
    CommandError::Refused(refusal)
}

/// A refusal of the booking, in the words of the waiting list.
fn in_words_of_waiting(error: AppointmentError) -> WaitingError {
    match error {
        AppointmentError::Invalid(violations) => WaitingError::Invalid(violations),
        AppointmentError::NotBooked
        | AppointmentError::AlreadyBooked
        | AppointmentError::NotHeld
        | AppointmentError::StillHeld { .. }
        | AppointmentError::NotNow { .. }
        | AppointmentError::NotBegun { .. }
        | AppointmentError::Moved
        | AppointmentError::Begun
        | AppointmentError::OutsideAvailability { .. }
        | AppointmentError::OverlapNotAllowed
        | AppointmentError::Conflicts(_) => WaitingError::NotWaiting,
    }
}

fn invalid(field: &str, rule: &'static str, why: &str) -> WaitingFailure {
    CommandError::Refused(WaitingError::Invalid(vec![RuleBroken::new(rule, why).at(field)]))
}
