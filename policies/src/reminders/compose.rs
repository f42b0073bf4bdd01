//! What a message says, worked out at the moment when it is sent, from the appointments, the patient and the practice as
//! they are then: an appointment that was moved, called off or reminded of meanwhile is left out.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentStatus};
use domain::facility::Facility;
use domain::ids::{AppointmentId, FacilityId, PatientId, StreamVersion};
use domain::patient::Patient;
use domain::reminder::ReminderFailure;
use domain::values::{Channel, PhoneNumber, TextValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use projections::reminders::ReminderKey;

use super::outbox::{ClaimedReminder, Message};
use super::{Reminding, WorkError};
use crate::messaging::{Messengers, Outgoing, Recipient};

/// What is to be done with a message.
pub(super) enum SendDecision {
    /// To send it.
    Send(Box<Composed>),
    /// To wait until quiet hours are over.
    Wait(Timestamp),
    /// Not to send it: the patient cannot be reminded of these.
    Fail(Vec<ClaimedReminder>, ReminderFailure),
    /// Not to send it: nothing is left to be said.
    Nothing,
}

/// What came of looking at a message again.
pub(super) struct Judged {
    /// What is to be done with it.
    pub(super) decision: SendDecision,
    /// Which of its reminders are no longer to be sent.
    pub(super) stale: Vec<ClaimedReminder>,
    /// For which of them it is too late, after all tries.
    pub(super) late: Vec<ClaimedReminder>,
}

/// A message, ready to be sent.
pub(super) struct Composed {
    pub(super) outgoing: Outgoing,
    /// What it reminds of.
    pub(super) reminders: Vec<ClaimedReminder>,
    basis: SourceVersions,
}

/// An appointment that a message tells of.
pub(super) struct Told {
    pub(super) id: AppointmentId,
    pub(super) appointment: Appointment,
    pub(super) version: StreamVersion,
}

/// What a message was made of.
struct SourceVersions {
    patient: StreamVersion,
    appointments: Vec<(AppointmentId, StreamVersion)>,
}

impl Reminding {
    /// Looks at a message as things are now.
    pub(super) async fn compose(&self, message: &Message, now: Timestamp) -> Result<Judged, WorkError> {
        let mut judged = Judged { decision: SendDecision::Nothing, stale: Vec::new(), late: Vec::new() };
        let Some((practice, _)) = self.load::<Facility>(message.facility, message.facility.0).await? else {
            return Ok(judged);
        };
        let mut current = Vec::new();
        let mut told: Vec<Told> = Vec::new();
        for reminder in &message.reminders {
            let id = reminder.key.appointment_id;
            if !told.iter().any(|told| told.id == id)
                && let Some((appointment, version)) = self.load::<Appointment>(message.facility, id.0).await?
            {
                told.push(Told { id, appointment, version });
            }
            let meant = told
                .iter()
                .any(|told| told.id == id && is_meant(&told.appointment, message.patient, &practice, &reminder.key));
            match (meant, now < reminder.expires_at) {
                (true, true) => current.push(*reminder),
                (true, false) if message.attempts > 0 => judged.late.push(*reminder),
                (true | false, _) => judged.stale.push(*reminder),
            }
        }
        told.retain(|told| current.iter().any(|reminder| reminder.key.appointment_id == told.id));
        judged.decision = self.judge(message, &practice, current, &told, now).await?;
        Ok(judged)
    }

    async fn judge(
        &self,
        message: &Message,
        practice: &Facility,
        reminders: Vec<ClaimedReminder>,
        told: &[Told],
        now: Timestamp,
    ) -> Result<SendDecision, WorkError> {
        if reminders.is_empty() {
            return Ok(SendDecision::Nothing);
        }
        let patient = self.load::<Patient>(message.facility, message.patient.0).await?;
        let followed = patient.filter(|(patient, _)| patient.is_registered() && !patient.archived);
        let Some((patient, version)) = followed.filter(|(patient, _)| patient.contact.value().is_some()) else {
            return Ok(SendDecision::Fail(reminders, ReminderFailure::NotFollowed));
        };
        let Some(recipient) = recipient(&self.messengers, &patient, message.channel) else {
            return Ok(SendDecision::Fail(reminders, ReminderFailure::Unreachable));
        };
        let zone = TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC);
        if let Some(night) = practice.reminders.quiet_hours.and_then(|quiet| quiet.around(now, &zone)) {
            return Ok(SendDecision::Wait(night.until));
        }
        let appointments = told.iter().map(|told| (told.id, told.version)).collect();
        let outgoing = self.write(message, practice, &zone, recipient, told).await?;
        let basis = SourceVersions { patient: version, appointments };
        Ok(SendDecision::Send(Box::new(Composed { outgoing, reminders, basis })))
    }

    /// Whether nothing that the message was made of has changed since.
    pub(super) async fn is_still_so(&self, message: &Message, composed: &Composed) -> Result<bool, WorkError> {
        for (id, version) in &composed.basis.appointments {
            let now = self.load::<Appointment>(message.facility, id.0).await?;
            if now.is_none_or(|(_, now)| now != *version) {
                return Ok(false);
            }
        }
        let patient = self.load::<Patient>(message.facility, message.patient.0).await?;
        Ok(patient.is_some_and(|(_, now)| now == composed.basis.patient))
    }

    /// By which channel a patient can be reached, if one is wished; the other one, if they cannot by that.
    pub(super) async fn reachable(
        &self,
        facility: FacilityId,
        patient: PatientId,
        wished: Channel,
    ) -> Result<Channel, WorkError> {
        let patient = self.load::<Patient>(facility, patient.0).await?;
        let recipient = patient.and_then(|(patient, _)| recipient(&self.messengers, &patient, wished));
        Ok(recipient.map_or(wished, |recipient| recipient.channel()))
    }

    pub(super) async fn load<A: AggregateRoot>(
        &self,
        facility: FacilityId,
        id: uuid::Uuid,
    ) -> Result<Option<(A, StreamVersion)>, WorkError> {
        let loaded = self.commands.load::<A>(facility, id).await.map_err(WorkError::reading)?;
        Ok(loaded.map(|loaded| (loaded.aggregate, loaded.version)))
    }
}

/// Whether the patient is still to be reminded of this beginning by this rule.
fn is_meant(appointment: &Appointment, patient: PatientId, practice: &Facility, key: &ReminderKey) -> bool {
    let expected = matches!(appointment.status, Some(AppointmentStatus::Scheduled | AppointmentStatus::Confirmed));
    let rules = appointment.kind.map(|kind| practice.reminders.rules_of(kind, appointment.reminders.as_deref()));
    expected
        && appointment.patient_id == Some(patient)
        && appointment.starts() == Some(key.starts)
        && appointment.reminder_mark(key.rule, key.starts).is_none()
        && rules.is_some_and(|rules| rules.contains(&key.rule))
}

/// Where a message goes: by the channel that is wished, or else by the other.
pub(crate) fn recipient(messengers: &Messengers, patient: &Patient, wished: Channel) -> Option<Recipient> {
    let contact = patient.contact.value()?;
    let other = match wished {
        Channel::Email => Channel::Sms,
        Channel::Sms => Channel::Email,
    };
    [wished, other].into_iter().filter(|channel| messengers.can(*channel)).find_map(|channel| match channel {
        Channel::Email => contact.email.clone().map(Recipient::Email),
        Channel::Sms => contact.phone.clone().filter(takes_text_messages).map(Recipient::Phone),
    })
}

/// Whether a text message arrives at a telephone: of French numbers, at those of mobile telephones (ARCEP decision 2018-0881);
/// of others nobody knows.
fn takes_text_messages(number: &PhoneNumber) -> bool {
    let number = number.as_str();
    match number.strip_prefix("+33") {
        Some(national) => national.starts_with(['6', '7']),
        None => true,
    }
}
