//! What a reminder says: made of the practice, its practitioners and the times of the appointments, and of nothing clinical.

use domain::facility::Facility;
use domain::user::User;
use domain::values::TextValue;
use jiff::tz::TimeZone;

use super::compose::Told;
use super::outbox::Message;
use super::{Reminding, WorkError};
use crate::messaging::texts::{Sender, Visit, practitioner_name, reminder};
use crate::messaging::{Outgoing, Recipient};
use crate::patient_links::{LinkKind, PatientLink};

impl Reminding {
    /// The message for a recipient.
    pub(super) async fn write(
        &self,
        message: &Message,
        practice: &Facility,
        zone: &TimeZone,
        recipient: Recipient,
        told: &[Told],
    ) -> Result<Outgoing, WorkError> {
        let mut visits = Vec::with_capacity(told.len());
        for Told { id, appointment, version } in told {
            let Some(slot) = &appointment.slot else { continue };
            let practitioner = self.load::<User>(message.facility, slot.practitioner_id.0).await?;
            let room = slot.room_id.and_then(|room| practice.rooms.get(&room));
            let link = PatientLink { kind: LinkKind::Appointment, id: id.0, moment: slot.during.from };
            visits.push(Visit {
                id: *id,
                version: *version,
                during: slot.during,
                practitioner: practitioner.and_then(|(practitioner, _)| practitioner_name(&practitioner)),
                room: room.map(|room| room.name.as_str().to_owned()),
                link: self.links.as_ref().and_then(|links| links.address(link)),
            });
        }
        let sender = Sender { practice: &practice.name, zone, address: self.messengers.address() };
        let written = reminder(&sender, &visits, self.clock.now())?;
        Ok(written.to(message.id, &sender, recipient))
    }
}
