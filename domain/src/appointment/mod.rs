//! An appointment: one booking and its life.
//!
//! ```text
//!            SlotHeld          AppointmentBooked
//!  (nothing) ────────► held ──────────────────────► scheduled ◄─┐
//!      │                │ ▲    (at once as well)     │    ▲     │ AppointmentConfirmed,
//!      │   SlotReleased ▼ │ SlotHeld                 ▼    │     │ AppointmentRescheduled (back to scheduled)
//!      │              released                    confirmed ────┤
//!      └─────────────────────────────────────────►   │          │
//!                                     PatientArrived ▼          │
//!                                                 arrived ──────┘
//!                                  AppointmentStarted│  from all three: AppointmentCancelled, PatientDidNotAttend
//!                                                    ▼       and by AppointmentRestored back to scheduled
//!                               in_progress ──► completed
//! ```
//!
//! What holds times holds them in the log ([`LoggedEvent::reservations`](crate::event::LoggedEvent::reservations)): no two
//! appointments overlap, on however many servers they are booked. `OverlapAccepted` is the one exception, and says so.

mod command;
mod details;
mod error;
mod event;
mod rules;
mod schedule;
pub mod series;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::{AppointmentCommand, PatientAnswer, Terms};
pub use self::details::{
    AppointmentPriority, AppointmentStatus, AppointmentType, Cancellation, Details, Occurrence, Slot, Texts,
};
pub use self::error::AppointmentError;
pub use self::event::AppointmentEvent;
pub use self::rules::{HOLD, LONGEST, MOST_ADDITIONAL_SLOTS, SHORTEST};
pub use self::schedule::{Conflict, Schedule};
use crate::aggregate::AggregateRoot;
use crate::ids::{AppointmentId, LinkId, PatientId, SubjectId};
use crate::personal::Revealed;
use crate::reminder::{self, ReminderMark, ReminderRule};

/// An appointment as its events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// Where it is in its life; none before anything happened.
    pub status: Option<AppointmentStatus>,
    /// Which times it takes of whom.
    pub slot: Option<Slot>,
    /// The zone in which they were booked.
    pub time_zone: String,
    /// Until when a slot is kept.
    pub held_until: Option<Timestamp>,
    /// Whose it is.
    pub patient_id: Option<PatientId>,
    /// The kind of visit.
    #[serde(rename = "type")]
    pub kind: Option<AppointmentType>,
    /// How pressing it is.
    pub priority: Option<AppointmentPriority>,
    /// Its place in a series.
    pub occurrence: Option<Occurrence>,
    /// What was booked together with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_id: Option<LinkId>,
    /// Whether it lies outside the practitioner's hours as they were then.
    pub outside_availability: bool,
    /// Over which appointments it was meant to lie. Rows of read models hold it under this name.
    #[serde(rename = "beside")]
    pub overlaps: Vec<AppointmentId>,
    /// What was written of it.
    pub texts: Revealed<Texts>,
    /// Why it was called off.
    pub cancellation: Revealed<Cancellation>,
    /// Reminders of its own; none if they are the practice's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminders: Option<Vec<ReminderRule>>,
    /// What became of the reminders of when it begins now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminded: Vec<ReminderMark>,
}

impl Appointment {
    /// Whether a patient ever had it.
    pub fn is_booked(&self) -> bool {
        self.patient_id.is_some()
    }

    /// Until when it is a slot that is kept; none if it is anything else.
    pub fn hold_until(&self) -> Option<Timestamp> {
        self.held_until.filter(|_| self.status == Some(AppointmentStatus::Held))
    }

    /// When it begins.
    pub fn starts(&self) -> Option<Timestamp> {
        self.slot.as_ref().map(|slot| slot.during.from)
    }

    /// What became of a reminder of a beginning; nothing if it was not sent yet, or the appointment was moved since.
    pub fn reminder_mark(&self, rule: ReminderRule, starts: Timestamp) -> Option<ReminderMark> {
        self.reminded.iter().copied().find(|mark| (mark.rule, mark.starts) == (rule, starts))
    }

    /// The status of an appointment that was booked, if it is one of those that allow something.
    fn allowed(&self, allow: impl FnOnce(AppointmentStatus) -> bool) -> Result<AppointmentStatus, AppointmentError> {
        match self.status.filter(|_| self.is_booked()) {
            None => Err(AppointmentError::NotBooked),
            Some(status) if allow(status) => Ok(status),
            Some(status) => Err(AppointmentError::NotNow { status }),
        }
    }

    /// Moves it, as a visit of this kind, if it lies elsewhere.
    async fn reschedule(
        &mut self,
        sink: &EventSink<Self>,
        slot: Slot,
        kind: AppointmentType,
        terms: &Terms,
        schedule: &Schedule,
    ) -> Result<(), AppointmentError> {
        self.allowed(AppointmentStatus::is_ahead)?;
        let patient_id = self.patient_id.ok_or(AppointmentError::NotBooked)?;
        if self.slot.as_ref() == Some(&slot) {
            return Ok(());
        }
        let outside_availability = rules::check_slot(&slot, kind, terms, schedule)?;
        let moved = AppointmentEvent::AppointmentRescheduled {
            patient_id,
            slot: slot.clone(),
            time_zone: schedule.zone_name(),
            outside_availability,
        };
        Self::take(sink, self, moved, &slot, &schedule.overlaps).await;
        Ok(())
    }

    /// The fields of the API in which what it is about differs. All texts that are there, if the former ones are forgotten.
    fn detail_changes(&self, after: &Details) -> Vec<String> {
        let empty = Texts::default();
        let texts = self.texts.value().unwrap_or(&empty);
        let fields = [
            ("type", self.kind != Some(after.kind)),
            ("priority", self.priority != Some(after.priority)),
            ("title", texts.title != after.texts.title),
            ("reason", texts.reason != after.texts.reason),
            ("notes", texts.notes != after.texts.notes),
        ];
        fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name.to_owned()).collect()
    }

    async fn change_details(&mut self, sink: &EventSink<Self>, details: Details) -> Result<(), AppointmentError> {
        self.allowed(|status| !status.is_final())?;
        let fields_changed = self.detail_changes(&details);
        if !fields_changed.is_empty() {
            let Details { kind, priority, texts } = details;
            let personal = Revealed::Value(texts);
            let changed =
                AppointmentEvent::AppointmentDetailsChanged { fields_changed, r#type: kind, priority, personal };
            sink.write(changed, self).await;
        }
        Ok(())
    }

    /// The events by which it gets a slot: the one that takes it, and that it lies beside others.
    async fn take(
        sink: &EventSink<Self>,
        aggregate: &mut Self,
        event: AppointmentEvent,
        slot: &Slot,
        overlaps: &[AppointmentId],
    ) {
        sink.write(event, aggregate).await;
        if !overlaps.is_empty() {
            let (practitioner_id, times) = (slot.practitioner_id, slot.times());
            let overlap = AppointmentEvent::OverlapAccepted { practitioner_id, times, appointments: overlaps.to_vec() };
            sink.write(overlap, aggregate).await;
        }
    }
}

impl Aggregate for Appointment {
    const TYPE: &'static str = "appointment";
    type Command = AppointmentCommand;
    type Event = AppointmentEvent;
    type Error = AppointmentError;
    type Services = Schedule;

    async fn handle(
        &mut self,
        command: AppointmentCommand,
        schedule: &Schedule,
        sink: &EventSink<Self>,
    ) -> Result<(), AppointmentError> {
        use AppointmentStatus::{Arrived, Cancelled, Confirmed, Held, InProgress, NoShow, Scheduled};
        let now = schedule.clock.now;
        match command {
            AppointmentCommand::HoldSlot { slot, override_availability } => {
                if self.is_booked() {
                    return Err(AppointmentError::AlreadyBooked);
                }
                rules::check_hold(&slot, schedule, override_availability)?;
                let (time_zone, expires_at) = (schedule.zone_name(), rules::hold_ends(now));
                sink.write(AppointmentEvent::SlotHeld { slot, time_zone, expires_at }, self).await;
            }
            AppointmentCommand::ReleaseSlot => {
                if self.status != Some(Held) {
                    return Err(AppointmentError::NotHeld);
                }
                sink.write(AppointmentEvent::SlotReleased { expired: false }, self).await;
            }
            AppointmentCommand::ReleaseExpiredSlot => match (self.status, self.held_until) {
                (Some(Held), Some(until)) if now < until => return Err(AppointmentError::StillHeld { until }),
                (Some(Held), _) => sink.write(AppointmentEvent::SlotReleased { expired: true }, self).await,
                (_, _) => return Err(AppointmentError::NotHeld),
            },
            AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence, link_id, terms } => {
                if self.is_booked() {
                    return Err(AppointmentError::AlreadyBooked);
                }
                let outside_availability = rules::check_slot(&slot, details.kind, &terms, schedule)?;
                let booked = AppointmentEvent::AppointmentBooked {
                    patient_id,
                    slot: slot.clone(),
                    time_zone: schedule.zone_name(),
                    r#type: details.kind,
                    priority: details.priority,
                    occurrence,
                    link_id,
                    outside_availability,
                    personal: Revealed::Value(details.texts),
                };
                Self::take(sink, self, booked, &slot, &schedule.overlaps).await;
            }
            AppointmentCommand::RescheduleAppointment { slot, terms } => {
                let kind = self.kind.ok_or(AppointmentError::NotBooked)?;
                self.reschedule(sink, slot, kind, &terms, schedule).await?;
            }
            AppointmentCommand::ReviseAppointment { slot, details, terms } => {
                if self.slot.as_ref() != Some(&slot) {
                    self.reschedule(sink, slot, details.kind, &terms, schedule).await?;
                }
                self.change_details(sink, details).await?;
            }
            AppointmentCommand::ChangeDetails { details } => self.change_details(sink, details).await?,
            AppointmentCommand::ConfirmAppointment => {
                self.allowed(|status| status == Scheduled)?;
                sink.write(AppointmentEvent::AppointmentConfirmed { by_patient: false }, self).await;
            }
            AppointmentCommand::ReportArrival => {
                self.allowed(|status| matches!(status, Scheduled | Confirmed))?;
                sink.write(AppointmentEvent::PatientArrived {}, self).await;
            }
            AppointmentCommand::StartAppointment => {
                self.allowed(|status| status == Arrived)?;
                sink.write(AppointmentEvent::AppointmentStarted {}, self).await;
            }
            AppointmentCommand::CompleteAppointment => {
                self.allowed(|status| status == InProgress)?;
                sink.write(AppointmentEvent::AppointmentCompleted {}, self).await;
            }
            AppointmentCommand::CancelAppointment { reason } => {
                self.allowed(AppointmentStatus::is_ahead)?;
                let personal = Revealed::Value(Cancellation { reason });
                sink.write(AppointmentEvent::AppointmentCancelled { by_patient: false, personal }, self).await;
            }
            AppointmentCommand::AnswerByPatient { starts, answer } => {
                let status = self.allowed(|status| matches!(status, Scheduled | Confirmed))?;
                if self.starts() != Some(starts) {
                    return Err(AppointmentError::Moved);
                }
                if starts <= now {
                    return Err(AppointmentError::Begun);
                }
                match answer {
                    // Said twice, it is as true as once.
                    PatientAnswer::Comes if status == Confirmed => {}
                    PatientAnswer::Comes => {
                        sink.write(AppointmentEvent::AppointmentConfirmed { by_patient: true }, self).await;
                    }
                    PatientAnswer::DoesNotCome => {
                        let personal = Revealed::Value(Cancellation::default());
                        sink.write(AppointmentEvent::AppointmentCancelled { by_patient: true, personal }, self).await;
                    }
                }
            }
            AppointmentCommand::ReportAbsence => {
                self.allowed(AppointmentStatus::is_ahead)?;
                if let Some(starts) = self.slot.as_ref().map(|slot| slot.during.from).filter(|starts| now < *starts) {
                    return Err(AppointmentError::NotBegun { starts });
                }
                sink.write(AppointmentEvent::PatientDidNotAttend {}, self).await;
            }
            AppointmentCommand::RestoreAppointment { patient_id, slot, terms } => {
                let status = self.allowed(|status| matches!(status, Cancelled | NoShow))?;
                let kind = self.kind.ok_or(AppointmentError::NotBooked)?;
                if (self.patient_id, self.slot.as_ref()) != (Some(patient_id), Some(&slot)) {
                    return Err(AppointmentError::NotNow { status });
                }
                let outside_availability = rules::check_slot(&slot, kind, &terms, schedule)?;
                let restored = AppointmentEvent::AppointmentRestored {
                    patient_id,
                    slot: slot.clone(),
                    time_zone: schedule.zone_name(),
                    outside_availability,
                };
                Self::take(sink, self, restored, &slot, &schedule.overlaps).await;
            }
            AppointmentCommand::ChooseReminders { reminders } => {
                self.allowed(|status| !status.is_final())?;
                let reminders = reminders.map(reminder::in_order);
                rules::refuse(reminder::rule_violations(reminders.as_deref().unwrap_or_default(), "reminders"))?;
                if reminders != self.reminders {
                    sink.write(AppointmentEvent::RemindersChosen { reminders }, self).await;
                }
            }
            AppointmentCommand::NoteReminders { marks } => {
                // Whatever happened to it meanwhile: a message that left has left.
                self.allowed(|_| true)?;
                for mark in marks {
                    if self.reminder_mark(mark.rule, mark.starts).is_none() {
                        sink.write(AppointmentEvent::of_reminder(mark), self).await;
                    }
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: AppointmentEvent) {
        match event {
            AppointmentEvent::SlotHeld { slot, time_zone, expires_at } => {
                self.status = Some(AppointmentStatus::Held);
                (self.slot, self.time_zone, self.held_until) = (Some(slot), time_zone, Some(expires_at));
            }
            AppointmentEvent::SlotReleased { expired: _ } => {
                (self.status, self.held_until) = (Some(AppointmentStatus::Released), None);
            }
            AppointmentEvent::AppointmentBooked {
                patient_id,
                slot,
                time_zone,
                r#type,
                priority,
                occurrence,
                link_id,
                outside_availability,
                personal,
            } => {
                *self = Self {
                    status: Some(AppointmentStatus::Scheduled),
                    slot: Some(slot),
                    time_zone,
                    held_until: None,
                    patient_id: Some(patient_id),
                    kind: Some(r#type),
                    priority: Some(priority),
                    occurrence,
                    link_id,
                    outside_availability,
                    overlaps: Vec::new(),
                    texts: personal,
                    cancellation: Revealed::Forgotten,
                    reminders: None,
                    reminded: Vec::new(),
                };
            }
            AppointmentEvent::AppointmentRescheduled { patient_id, slot, time_zone, outside_availability } => {
                self.status = Some(AppointmentStatus::Scheduled);
                self.reminded.retain(|mark| mark.starts == slot.during.from);
                (self.patient_id, self.slot, self.time_zone) = (Some(patient_id), Some(slot), time_zone);
                (self.outside_availability, self.overlaps) = (outside_availability, Vec::new());
            }
            AppointmentEvent::AppointmentRestored { patient_id, slot, time_zone, outside_availability } => {
                (self.status, self.cancellation) = (Some(AppointmentStatus::Scheduled), Revealed::Forgotten);
                (self.patient_id, self.slot, self.time_zone) = (Some(patient_id), Some(slot), time_zone);
                (self.outside_availability, self.overlaps) = (outside_availability, Vec::new());
            }
            AppointmentEvent::AppointmentDetailsChanged { fields_changed: _, r#type, priority, personal } => {
                (self.kind, self.priority, self.texts) = (Some(r#type), Some(priority), personal);
            }
            AppointmentEvent::OverlapAccepted { practitioner_id: _, times: _, appointments } => {
                self.overlaps = appointments;
            }
            AppointmentEvent::AppointmentConfirmed { by_patient: _ } => {
                self.status = Some(AppointmentStatus::Confirmed)
            }
            AppointmentEvent::PatientArrived {} => self.status = Some(AppointmentStatus::Arrived),
            AppointmentEvent::AppointmentStarted {} => self.status = Some(AppointmentStatus::InProgress),
            AppointmentEvent::AppointmentCompleted {} => self.status = Some(AppointmentStatus::Completed),
            AppointmentEvent::AppointmentCancelled { by_patient: _, personal } => {
                (self.status, self.cancellation) = (Some(AppointmentStatus::Cancelled), personal);
            }
            AppointmentEvent::PatientDidNotAttend {} => self.status = Some(AppointmentStatus::NoShow),
            AppointmentEvent::RemindersChosen { reminders } => self.reminders = reminders,
            event @ (AppointmentEvent::ReminderSent { .. } | AppointmentEvent::ReminderFailed { .. }) => {
                // One of another beginning says nothing of this one.
                self.reminded.extend(event.reminder_mark().filter(|mark| self.starts() == Some(mark.starts)));
            }
        }
    }
}

impl AggregateRoot for Appointment {
    /// The patient, once there is one: a slot that is kept is nobody's.
    fn subject(&self, _id: Uuid) -> Option<SubjectId> {
        self.patient_id.map(SubjectId::from)
    }
}
