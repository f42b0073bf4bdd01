//! Links to appointments: the patient says that they come, or that they do not.

use commands::Commands;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentStatus, PatientAnswer};
use domain::ids::{AppointmentId, FacilityId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Answered, Choice, DeskError, LinkDesk, Page, PageKind, PatientLink, Visitor, practice_of};
use crate::french;

const CONFIRM: Choice = Choice { answer: "confirm", label: "Confirmer ma venue", warning: None };
const CANCEL: Choice = Choice {
    answer: "cancel",
    label: "Annuler ce rendez-vous",
    warning: Some("Le créneau sera libéré pour un autre patient. L’annulation est définitive."),
};

/// Who answers for links to appointments.
pub struct AppointmentDesk {
    commands: Commands,
}

impl AppointmentDesk {
    /// Over these commands.
    pub const fn new(commands: Commands) -> Self {
        Self { commands }
    }

    async fn look(&self, link: &PatientLink) -> Result<Option<Page>, DeskError> {
        let Some((appointment, facility)) = self.find(link).await? else { return Ok(None) };
        let Some((practice, zone)) = practice_of(&self.commands, facility).await? else { return Ok(None) };
        Ok(Some(page(&appointment, link.moment, &zone, Timestamp::now()).of_practice(&practice)))
    }

    async fn take(&self, link: &PatientLink, answer: &str, visitor: &Visitor) -> Result<Answered, DeskError> {
        let answer = match answer {
            "confirm" => PatientAnswer::Comes,
            "cancel" => PatientAnswer::DoesNotCome,
            _ => return Ok(Answered::NotUnderstood),
        };
        let Some((_, facility)) = self.find(link).await? else { return Ok(Answered::Heard) };
        let command = AppointmentCommand::AnswerByPatient { starts: link.moment, answer };
        let context = visitor.context(facility);
        Answered::by(self.commands.change_appointment(AppointmentId(link.id), &command, &context).await)
    }

    /// The appointment of a link, and whose it is.
    async fn find(&self, link: &PatientLink) -> Result<Option<(Appointment, FacilityId)>, DeskError> {
        let found = self.commands.find::<Appointment>(link.id).await?;
        let found = found.filter(|loaded| loaded.aggregate.is_booked());
        Ok(found.and_then(|loaded| Some((loaded.aggregate, loaded.facility_id?))))
    }
}

impl LinkDesk for AppointmentDesk {
    fn show<'a>(&'a self, link: &'a PatientLink) -> BoxFuture<'a, Result<Option<Page>, DeskError>> {
        self.look(link).boxed()
    }

    fn answer<'a>(
        &'a self,
        link: &'a PatientLink,
        answer: &'a str,
        visitor: &'a Visitor,
    ) -> BoxFuture<'a, Result<Answered, DeskError>> {
        self.take(link, answer, visitor).boxed()
    }
}

/// The page of an appointment that was at this moment when its message was written.
fn page(appointment: &Appointment, moment: Timestamp, zone: &TimeZone, now: Timestamp) -> Page {
    let status = appointment.status;
    if status == Some(AppointmentStatus::Cancelled) {
        return Page::saying(
            PageKind::Found,
            "Ce rendez-vous est annulé",
            &[
                "Vous n’avez plus rien à faire, et ce lien ne sert plus. Pour un autre rendez-vous, adressez-vous au cabinet.",
            ],
        );
    }
    let starts = appointment.slot.as_ref().map(|slot| slot.during.from);
    if starts.map(Timestamp::as_second) != Some(moment.as_second()) {
        return Page::saying(
            PageKind::Over,
            "Ce rendez-vous a été déplacé",
            &[
                "Ce lien ne sert plus. La nouvelle date figure dans le message le plus récent du cabinet ; en cas de doute, \
               adressez-vous à lui.",
            ],
        );
    }
    let (heading, said, choices) = match status.filter(|_| now < moment) {
        Some(AppointmentStatus::Scheduled) => {
            ("Votre rendez-vous", "Dites au cabinet si vous venez.", vec![CONFIRM, CANCEL])
        }
        Some(AppointmentStatus::Confirmed) => (
            "Votre rendez-vous est confirmé",
            "Merci. Si vous ne pouvez finalement pas venir, vous pouvez encore l’annuler.",
            vec![CANCEL],
        ),
        _ => {
            return Page::saying(
                PageKind::Over,
                "Ce lien ne sert plus",
                &["Ce rendez-vous a commencé ou est passé. Pour toute question, adressez-vous au cabinet."],
            );
        }
    };
    Page {
        when: Some(capitalized(&french::instant(moment, zone))),
        choices,
        ..Page::saying(PageKind::Found, heading, &[said])
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
