//! What is offered to somebody who waits: by hand, and how it is answered at the desk on behalf of the patient.

use commands::{AcceptRefusal, CommandError};
use domain::ids::{OfferId, WaitingId};
use domain::role::Area;
use domain::waiting_list::{WaitingCommand, WaitingEntry, answer_by};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::documents::EntryDocument;
use super::input::{AnswerInput, OfferInput};
use crate::desk::AgendaDesk;
use crate::problems::accept_refusal;
use frame::answers::Changed;
use frame::command::id_of_new;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::Stepping;
use frame::shown::Traced;
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operations on offers.
pub struct WaitingOffersApi {
    desk: AgendaDesk,
}

impl WaitingOffersApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("offerSlot", Permission::Write(Area::Appointments)),
    ("acceptOffer", Permission::Write(Area::Appointments)),
    ("declineOffer", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/waiting-list", tag = "Chapter::WaitingList")]
impl WaitingOffersApi {
    /// Offer a slot by hand
    ///
    /// Any slot that lies ahead, whether or not it is what the patient waits for. It is checked when it is accepted.
    #[oai(path = "/:id/offers", method = "post", operation_id = "offerSlot")]
    async fn offer(
        &self,
        /// The place on the list.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<OfferInput>,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let facility = asked.facility_id;
        let found = self.desk.commands.load::<WaitingEntry>(facility, id.0.0).await?;
        let wish = found.and_then(|loaded| loaded.aggregate.wish);
        let wish = wish.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let time = self.desk.waiting_time(facility).await?;
        let (slot, until) = input.parse(wish.duration_minutes, &time.zone)?;
        // Somebody calls: at night as well, and with less time than a message needs.
        let usual = answer_by(slot.during, None, &time).unwrap_or(slot.during.from);
        let context = asked.context(None, &input);
        let offer_id = OfferId(id_of_new(&context));
        let (answer_by, tell_patient) = (until.unwrap_or(usual), input.tells_patient());
        let command = WaitingCommand::OfferSlot { offer_id, slot, answer_by, tell_patient };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(outcome, &asked).await
    }

    /// Accept an offer on behalf of the patient
    ///
    /// Books the appointment, or moves the later one, by the same checks as any booking. If somebody was faster: 409 with what
    /// is met, and the patient waits on.
    #[oai(path = "/:id/accept", method = "post", operation_id = "acceptOffer")]
    async fn accept(
        &self,
        /// The place on the list.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<AnswerInput>,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let context = asked.context(None, &input);
        let outcome = self.desk.commands.accept_offer(WaitingId(id.0.0), input.offer(), false, &context).await;
        match outcome {
            Err(CommandError::Refused(refusal @ AcceptRefusal::Appointment(_))) => {
                // That somebody was faster is noted: whoever looks next sees the patient wait on.
                self.desk.shown(Some(self.desk.commands.log().head().await?)).await;
                let time = self.desk.waiting_time(asked.facility_id).await?;
                Err(accept_refusal(refusal, &time.zone))
            }
            outcome => {
                let executed = outcome.map_err(Problem::from)?;
                self.desk.waiting_changed(Ok(executed), &asked).await
            }
        }
    }

    /// Decline an offer on behalf of the patient
    ///
    /// The patient waits on, and the slot is offered to the next in line.
    #[oai(path = "/:id/decline", method = "post", operation_id = "declineOffer")]
    async fn decline(
        &self,
        /// The place on the list.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<AnswerInput>,
    ) -> Result<Traced<Changed<EntryDocument>>, Problem> {
        let context = asked.context(None, &input);
        let command = WaitingCommand::DeclineOffer { offer_id: input.offer(), by_patient: false };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(outcome, &asked).await
    }
}
