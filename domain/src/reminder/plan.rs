//! Which reminders an appointment has, as its events and the decisions of its practice tell it one after the other. The
//! list of what is due is made of these plans, and of nothing else.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::settings::order;
use super::{ReminderMark, ReminderOutcome, ReminderRule, ReminderSettings, due};
use crate::appointment::{AppointmentEvent, AppointmentType};
use crate::ids::PatientId;
use crate::scheduling::Interval;

/// The reminders of one appointment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderPlan {
    /// What is booked; nothing of a slot that is kept.
    pub booking: Option<Booking>,
    /// The reminders, the first to come first.
    pub reminders: Vec<PlannedReminder>,
}

/// What reminders have to know of a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// Whom they are for.
    pub patient_id: PatientId,
    /// The kind of visit.
    #[serde(rename = "type")]
    pub kind: AppointmentType,
    /// When it begins.
    pub starts: Timestamp,
    /// The zone of the practice.
    pub time_zone: String,
    /// Whether the patient is still expected.
    pub expected: bool,
    /// Reminders of its own, if it has any.
    pub chosen: Option<Vec<ReminderRule>>,
}

/// One reminder of an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedReminder {
    /// Which one.
    pub rule: ReminderRule,
    /// Since when it is meant.
    pub since: Timestamp,
    /// While it is worth sending; never, if it should have come before it was meant.
    pub due: Option<Interval>,
    /// What became of it, once that is known.
    pub outcome: Option<ReminderOutcome>,
}

impl Booking {
    /// The zone of the practice.
    pub fn zone(&self) -> TimeZone {
        // It was known when the appointment was booked; a database of zones that lost it is no reason to stop.
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }
}

impl ReminderPlan {
    /// Follows an event of the appointment, which the log took at an instant, under what the practice had decided by then.
    pub fn follow(&mut self, event: &AppointmentEvent, at: Timestamp, settings: &ReminderSettings) {
        match event {
            AppointmentEvent::AppointmentBooked { patient_id, slot, time_zone, r#type, .. } => {
                self.booking = Some(Booking {
                    patient_id: *patient_id,
                    kind: *r#type,
                    starts: slot.during.from,
                    time_zone: time_zone.clone(),
                    expected: true,
                    chosen: None,
                });
            }
            AppointmentEvent::AppointmentRescheduled { slot, time_zone, .. }
            | AppointmentEvent::AppointmentRestored { slot, time_zone, .. } => {
                let Some(booking) = &mut self.booking else { return };
                if booking.starts != slot.during.from {
                    // What was said of another time was said of another time.
                    self.reminders.clear();
                }
                (booking.starts, booking.expected) = (slot.during.from, true);
                booking.time_zone.clone_from(time_zone);
            }
            AppointmentEvent::AppointmentDetailsChanged { r#type, .. } => {
                let Some(booking) = &mut self.booking else { return };
                booking.kind = *r#type;
            }
            AppointmentEvent::RemindersChosen { reminders } => {
                let Some(booking) = &mut self.booking else { return };
                booking.chosen.clone_from(reminders);
            }
            AppointmentEvent::PatientArrived {}
            | AppointmentEvent::AppointmentStarted {}
            | AppointmentEvent::AppointmentCompleted {}
            | AppointmentEvent::AppointmentCancelled { .. }
            | AppointmentEvent::PatientDidNotAttend {} => {
                let Some(booking) = &mut self.booking else { return };
                booking.expected = false;
            }
            AppointmentEvent::ReminderSent { .. } | AppointmentEvent::ReminderFailed { .. } => {
                if let Some(mark) = event.reminder_mark() {
                    self.mark(mark, at);
                }
            }
            AppointmentEvent::SlotHeld { .. }
            | AppointmentEvent::SlotReleased { .. }
            | AppointmentEvent::OverlapAccepted { .. }
            | AppointmentEvent::AppointmentConfirmed { .. } => return,
        }
        self.follow_settings(settings, at);
    }

    /// Brings the reminders to what the practice decided, which holds from an instant on. Those that stay are meant since when
    /// they were; those that have ended stay as they are.
    pub fn follow_settings(&mut self, settings: &ReminderSettings, at: Timestamp) {
        let Self { booking: Some(booking), reminders } = self else { return };
        let rules = if booking.expected { settings.rules_of(booking.kind, booking.chosen.as_deref()) } else { &[] };
        reminders.retain(|reminder| reminder.outcome.is_some() || rules.contains(&reminder.rule));
        for rule in rules {
            if !reminders.iter().any(|reminder| reminder.rule == *rule) {
                reminders.push(PlannedReminder { rule: *rule, since: at, due: None, outcome: None });
            }
        }
        reminders.sort_unstable_by_key(|reminder| order(&reminder.rule));
        let zone = booking.zone();
        for reminder in reminders.iter_mut().filter(|reminder| reminder.outcome.is_none()) {
            reminder.due = due(reminder.rule, booking.starts, reminder.since, settings.quiet_hours, &zone);
        }
    }

    fn mark(&mut self, mark: ReminderMark, at: Timestamp) {
        if self.booking.as_ref().is_none_or(|booking| booking.starts != mark.starts) {
            return;
        }
        let outcome = Some(mark.outcome);
        match self.reminders.iter_mut().find(|reminder| reminder.rule == mark.rule) {
            Some(reminder) => reminder.outcome = outcome,
            // It was taken back while the message was on its way.
            None => self.reminders.push(PlannedReminder { rule: mark.rule, since: at, due: None, outcome }),
        }
    }
}
