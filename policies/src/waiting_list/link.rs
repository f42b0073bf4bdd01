//! Links to offers: a patient who waits takes what is offered, or leaves it to the next in line. The link names the place on the
//! list and when the slot begins: what was offered before or is offered later is another link.

use commands::Commands;
use domain::ids::{FacilityId, WaitingId};
use domain::waiting_list::{Offer, WaitingCommand, WaitingEntry, WaitingStatus};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::french;
use crate::patient_links::{Answered, Choice, DeskError, LinkDesk, Page, PageKind, PatientLink, Visitor, practice_of};

const ACCEPT: Choice = Choice { answer: "accept", label: "Prendre ce créneau", warning: None };
const DECLINE: Choice = Choice { answer: "decline", label: "Laisser ce créneau", warning: None };

/// Who answers for links to offers.
pub struct OfferDesk {
    commands: Commands,
}

impl OfferDesk {
    /// Over these commands.
    pub const fn new(commands: Commands) -> Self {
        Self { commands }
    }

    /// The place on the list that a link is of, and whose it is.
    async fn find(&self, link: &PatientLink) -> Result<Option<(WaitingEntry, FacilityId)>, DeskError> {
        let found = self.commands.find::<WaitingEntry>(link.id).await?;
        Ok(found.and_then(|loaded| Some((loaded.aggregate, loaded.facility_id?))))
    }

    async fn look(&self, link: &PatientLink) -> Result<Option<Page>, DeskError> {
        let Some((entry, facility)) = self.find(link).await? else { return Ok(None) };
        let Some((practice, zone)) = practice_of(&self.commands, facility).await? else { return Ok(None) };
        Ok(Some(page(&entry, link.moment, &zone, Timestamp::now()).of_practice(&practice)))
    }

    async fn take(&self, link: &PatientLink, answer: &str, visitor: &Visitor) -> Result<Answered, DeskError> {
        let Some((entry, facility)) = self.find(link).await? else { return Ok(Answered::Heard) };
        let Some(offer_id) = open(&entry, link.moment).map(|offer| offer.offer_id) else { return Ok(Answered::Heard) };
        let (id, context) = (WaitingId(link.id), visitor.context(facility));
        match answer {
            "accept" => Answered::by(self.commands.accept_offer(id, offer_id, true, &context).await),
            "decline" => {
                let decline = WaitingCommand::DeclineOffer { offer_id, by_patient: true };
                Answered::by(self.commands.change_waiting(id, &decline, &context).await)
            }
            _ => Ok(Answered::NotUnderstood),
        }
    }
}

impl LinkDesk for OfferDesk {
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

/// The open offer of a slot that begins then. Links tell seconds.
fn open(entry: &WaitingEntry, moment: Timestamp) -> Option<&Offer> {
    entry.offer.as_ref().filter(|offer| offer.slot.during.from.as_second() == moment.as_second())
}

/// The page of a slot that was offered.
fn page(entry: &WaitingEntry, moment: Timestamp, zone: &TimeZone, now: Timestamp) -> Page {
    let when = Some(french::instant(moment, zone));
    match open(entry, moment).filter(|offer| now < offer.answer_by) {
        Some(offer) => {
            let until = format!(
                "Ce créneau vous est proposé jusqu’au {}. Il n’est pas réservé : le premier qui le prend l’obtient.",
                french::instant(offer.answer_by, zone)
            );
            let heading = "Un créneau s’est libéré";
            Page { when, choices: vec![ACCEPT, DECLINE], ..Page::saying(PageKind::Found, heading, &[&until]) }
        }
        None if entry.status == Some(WaitingStatus::Served) => {
            let heading = "Votre rendez-vous est pris";
            Page::saying(PageKind::Found, heading, &["Merci. Vous n’avez plus rien à faire, et ce lien ne sert plus."])
        }
        None if entry.status == Some(WaitingStatus::Left) => {
            let said = "Vous n’êtes plus sur la liste d’attente. Pour toute question, adressez-vous au cabinet.";
            Page::saying(PageKind::Over, "Ce lien ne sert plus", &[said])
        }
        None => {
            let said = "Il a été laissé, ou un autre patient l’a pris. Vous restez sur la liste d’attente.";
            Page::saying(PageKind::Over, "Ce créneau n’est plus proposé", &[said])
        }
    }
}
