//! What a reminder says: made of the practice, its practitioners and the times of the appointments, and of nothing clinical.

use domain::appointment::Appointment;
use domain::facility::Facility;
use domain::ids::{AppointmentId, StreamVersion};

use super::outbox::Message;
use super::{Reminding, WorkError};
use crate::messaging::{Outgoing, Recipient};

impl Reminding {
    /// The message for a recipient.
    pub(super) async fn write(
        &self,
        message: &Message,
        practice: &Facility,
        recipient: Recipient,
        told: &[(AppointmentId, Appointment, StreamVersion)],
    ) -> Result<Outgoing, WorkError> {
        let zone = jiff::tz::TimeZone::get(&practice.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let lines = told.iter().filter_map(|(_, appointment, _)| {
            let shown = zone.to_datetime(appointment.starts()?);
            Some(format!("le {}, à {} h {:02}", shown.date(), shown.hour(), shown.minute()))
        });
        let text = format!("Rappel de rendez-vous\n{}\n", lines.collect::<Vec<_>>().join("\n"));
        Ok(Outgoing {
            id: message.id,
            sender: practice.name.clone(),
            recipient,
            subject: "Rappel".to_owned(),
            text,
            html: None,
            attachment: None,
        })
    }
}
