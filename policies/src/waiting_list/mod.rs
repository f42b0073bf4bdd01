//! Time that frees up is offered to whoever waits for it: a policy that follows the log.
//!
//! ```text
//!  AppointmentCancelled, …Rescheduled, PatientDidNotAttend ─┐
//!  LeaveCancelled, ExtraHoursOpened ────────────────────────┼─► what is free by it ─► the first in line whom it fits ─► SlotOffered
//!  OfferDeclined, OfferLapsed, WaitingListLeft ─────────────┘            ▲
//!                                                                        └── again, until nothing or nobody is left
//!  every second: offers whose time is over ─► OfferLapsed
//! ```
//!
//! It reads late read models and may be run twice for one event; neither matters. What it offers is checked again when it is
//! accepted, and each offer is appended under a key of the event and a number: of two that go the same way, the log takes one.

mod fitting;
mod freed;
mod link;
mod telling;
mod work;

use std::time::Duration;

use commands::{CommandContext, CommandError, Commands};
use domain::event::RecordedEvent;
use domain::facility::Facility;
use domain::ids::{OfferId, WaitingId};
use domain::waiting_list::{WaitingCommand, WaitingError};
use event_store_schema::IdempotencyKey;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use projections::availability::CalendarQueries;
use projections::users::UserQueries;
use projections::waiting_list::WaitingQueries;
use projections_engine::Projections;
use projections_engine::following::{Policy, PolicyError};
use ring::digest;
use uuid::Uuid;

use self::fitting::Fit;
use self::freed::FreedTime;
pub use self::link::OfferDesk;
use self::telling::Telling;
use self::work::{NotNow, Work};
use crate::messaging::Messengers;
use crate::messaging::last_messages;
use crate::patient_links::PatientLinks;

/// Under which the policy's keys stand: it is no member of staff.
const SCOPE: Uuid = Uuid::from_u128(0x6d70_7761_6974_696e_6720_6c69_7374_0001);

/// How many offers one event may lead to: a leave of weeks that is cancelled frees a lot.
const MOST_OFFERS: u32 = 500;

/// How often the list is looked at anew before it is left to the next try.
const MOST_LOOKS: u32 = 1000;

/// How long the policy waits for the read models to show the log, before it tries the event again.
const READ_MODEL_PATIENCE: Duration = Duration::from_secs(2);

/// The policy.
pub struct WaitingPolicy {
    work: Work,
    telling: Telling,
}

impl WaitingPolicy {
    /// The name of its checkpoint.
    pub const NAME: &str = "waiting_list_policy";

    /// Over these commands and read models. Patients are told by these messengers, with these links to answer by.
    pub fn new(
        commands: Commands,
        read_models: Projections,
        messengers: Messengers,
        links: Option<PatientLinks>,
    ) -> Self {
        let database = commands.log().database().clone();
        let work = Work {
            waiting: WaitingQueries::new(database.clone()),
            users: UserQueries::new(database.clone()),
            calendars: CalendarQueries::new(database),
            commands,
            read_models,
            messengers,
            links,
        };
        Self { work, telling: Telling::default() }
    }

    /// Offers what is free by an event, one offer after the other, each on what is known after the one before.
    async fn offer(&self, event: &RecordedEvent, freed: &[FreedTime]) -> Result<(), PolicyError> {
        let facility = event.facility_id;
        let practice = self.work.commands.load::<Facility>(facility, facility.0).await?;
        let quiet = practice.and_then(|practice| practice.aggregate.reminders.quiet_hours);
        let mut number = 0;
        for _ in 0..MOST_LOOKS {
            if freed.is_empty() || number == MOST_OFFERS {
                return Ok(());
            }
            self.catch_up().await?;
            let time = self.work.commands.practice_time::<WaitingError>(facility).await?;
            let Some(fit) = self.work.first_fit(facility, freed, quiet, &time).await? else { return Ok(()) };
            let context = context(event, number, &fit);
            let Fit { waiting_id, slot, answer_by } = fit;
            let offer =
                WaitingCommand::OfferSlot { offer_id: OfferId(Uuid::now_v7()), slot, answer_by, tell_patient: true };
            match self.work.commands.change_waiting(waiting_id, &offer, &context).await {
                // Also if an earlier try or another server was here before: what it offered stands in the line by now.
                Ok(_) | Err(CommandError::IdempotencyKeyReused) => number += 1,
                // Something else happened to that place since the look.
                Err(CommandError::Refused(_) | CommandError::NotFound | CommandError::Contended) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NotNow::Contended.into())
    }

    /// Waits until the read models show all that is in the log.
    async fn catch_up(&self) -> Result<(), PolicyError> {
        let head = self.work.commands.log().head().await?;
        let shown = self.work.read_models.wait_for(head, READ_MODEL_PATIENCE).await;
        if shown { Ok(()) } else { Err(NotNow::Behind.into()) }
    }

    /// Ends the offers that nobody answered in time. That makes them free for the next in line, by the log.
    async fn lapse(&self) -> Result<(), PolicyError> {
        for lapsed in self.work.waiting.lapsed(Timestamp::now()).await? {
            let lapse = WaitingCommand::LapseOffer { offer_id: lapsed.offer_id };
            let context = CommandContext::system(lapsed.facility_id);
            match self.work.commands.change_waiting(lapsed.waiting_id, &lapse, &context).await {
                // Answered in the last moment, or lapsed already.
                Ok(_) | Err(CommandError::Refused(_) | CommandError::NotFound | CommandError::Contended) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Policy for WaitingPolicy {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn takes(&self, event_type: &str) -> bool {
        freed::may_free(event_type)
    }

    fn follow<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Result<(), PolicyError>> {
        async move {
            let freed = self.work.freed_by(event).await?;
            self.offer(event, &freed).await
        }
        .boxed()
    }

    fn tick_every(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn tick(&self) -> BoxFuture<'_, Result<(), PolicyError>> {
        async {
            self.lapse().await?;
            self.telling.tell_patients(&self.work).await
        }
        .boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        last_messages(&self.telling.tasks).boxed()
    }
}

/// The circumstances of the offer of this number that an event leads to.
fn context(event: &RecordedEvent, number: u32, fit: &Fit) -> CommandContext {
    let mut asked = digest::Context::new(&digest::SHA256);
    let WaitingId(waiting) = fit.waiting_id;
    asked.update(waiting.as_bytes());
    asked.update(fit.slot.practitioner_id.0.as_bytes());
    asked.update(fit.slot.during.from.to_string().as_bytes());
    let mut request_hash = [0; 32];
    request_hash.copy_from_slice(asked.finish().as_ref());
    CommandContext {
        correlation_id: event.metadata.correlation_id,
        causation_id: Some(event.event_id),
        idempotency: Some(IdempotencyKey { scope: SCOPE, key: format!("{}/{number}", event.event_id), request_hash }),
        ..CommandContext::system(event.facility_id)
    }
}
