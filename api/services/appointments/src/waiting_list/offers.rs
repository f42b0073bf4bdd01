//! What is offered to somebody who waits: by hand, and how it is answered at the desk on behalf of the patient.

use commands::{AcceptRefusal, CommandError};
use domain::ids::{OfferId, WaitingId};
use domain::role::Area;
use domain::waiting::{WaitingCommand, WaitingEntry, answer_by};
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};

use super::answers::Changed;
use super::input::{AnswerInput, OfferInput};
use crate::desk::AgendaDesk;
use crate::problems::accept_refusal;
use frame::auth::Caller;
use frame::command::{UnderConditions, command_context, id_of_new};
use frame::conditional::IfMatch;
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
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
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn offer(
        &self,
        request: &Request,
        caller: Caller,
        /// The place on the list.
        id: Path<StrictUuid>,
        /// The version to which it is offered.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<OfferInput>,
    ) -> Result<Changed, Problem> {
        let facility = caller.facility_id;
        let found = self.desk.commands.load::<WaitingEntry>(facility, id.0.0).await?;
        let wish = found.and_then(|loaded| loaded.aggregate.wish);
        let wish = wish.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let time = self.desk.waiting_time(facility).await?;
        let (slot, until) = input.parse(wish.duration_minutes, &time.zone)?;
        // Somebody calls: at night as well, and with less time than a message needs.
        let usual = answer_by(slot.during, None, &time).unwrap_or(slot.during.from);
        let context = command_context(&caller, request, None).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let offer_id = OfferId(id_of_new(&context));
        let (answer_by, tell_patient) = (until.unwrap_or(usual), input.tells_patient());
        let command = WaitingCommand::OfferSlot { offer_id, slot, answer_by, tell_patient };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(facility, outcome, prefer.0).await
    }

    /// Accept an offer on behalf of the patient
    ///
    /// Books the appointment, or moves the later one, by the same checks as any booking. If somebody was faster: 409 with what
    /// is met, and the patient waits on.
    #[oai(path = "/:id/accept", method = "post", operation_id = "acceptOffer")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn accept(
        &self,
        request: &Request,
        caller: Caller,
        /// The place on the list.
        id: Path<StrictUuid>,
        /// The version whose offer is accepted.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<AnswerInput>,
    ) -> Result<Changed, Problem> {
        let context = command_context(&caller, request, None).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let outcome = self.desk.commands.accept_offer(WaitingId(id.0.0), input.offer(), false, &context).await;
        match outcome {
            Err(CommandError::Refused(refusal @ AcceptRefusal::Appointment(_))) => {
                // That somebody was faster is noted: whoever looks next sees the patient wait on.
                self.desk.shown(Some(self.desk.commands.log().head().await?)).await;
                let time = self.desk.waiting_time(caller.facility_id).await?;
                Err(accept_refusal(refusal, &time.zone))
            }
            outcome => {
                let executed = outcome.map_err(Problem::from)?;
                self.desk.waiting_changed(caller.facility_id, Ok(executed), prefer.0).await
            }
        }
    }

    /// Decline an offer on behalf of the patient
    ///
    /// The patient waits on, and the slot is offered to the next in line.
    #[oai(path = "/:id/decline", method = "post", operation_id = "declineOffer")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn decline(
        &self,
        request: &Request,
        caller: Caller,
        /// The place on the list.
        id: Path<StrictUuid>,
        /// The version whose offer is declined.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<AnswerInput>,
    ) -> Result<Changed, Problem> {
        let context = command_context(&caller, request, None).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        let command = WaitingCommand::DeclineOffer { offer_id: input.offer(), by_patient: false };
        let outcome = self.desk.commands.change_waiting(WaitingId(id.0.0), &command, &context).await;
        self.desk.waiting_changed(caller.facility_id, outcome, prefer.0).await
    }
}
