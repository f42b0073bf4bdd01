//! The reminders of one appointment: which there are, what became of them, and how the appointment gets some of its own.

use domain::appointment::AppointmentCommand;
use domain::ids::AppointmentId;
use domain::reminder::{LeadTime, PlannedReminder, ReminderFailure, ReminderOutcome, ReminderPlan};
use domain::role::Area;
use domain::values::{Channel, Reason, TextValue};
use jiff::tz::TimeZone;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use projections::reminders::Reminders;
use serde::Deserialize;

use super::appointments::word;
use super::reminder_rules::{ReminderRuleInput, parse_reminders};
use crate::desk::AgendaDesk;
use frame::instants::rfc3339;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Changing, Looking, Received};
use frame::shown::{Showing, Shown, Traced};
use frame::strict_json::StrictJson;
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// The operations.
pub struct AppointmentRemindersApi {
    desk: AgendaDesk,
}

/// How a patient is reminded of an appointment.
#[derive(Object)]
#[oai(rename = "AppointmentReminders", rename_all = "camelCase")]
struct RemindersDocument {
    /// Whether the appointment has reminders of its own; otherwise they are the practice's.
    own: bool,
    /// The first to come first.
    reminders: Vec<ReminderDocument>,
}

/// One reminder of an appointment.
#[derive(Object)]
#[oai(rename = "AppointmentReminder", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ReminderDocument {
    r#type: UnparsedCode<Channel>,
    /// How long before the appointment.
    time: String,
    /// Whether it was sent.
    sent: bool,
    /// How it stands.
    state: ReminderState,
    /// From when on it is due (RFC 3339, with the offset of the practice); left out of one that should have come before it was
    /// meant.
    due_at: Option<String>,
    /// By what it was sent: not always what was wished.
    sent_by: Option<UnparsedCode<Channel>>,
    /// Why it failed.
    cause: Option<UnparsedCode<ReminderFailure>>,
}

/// How a reminder stands.
#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum ReminderState {
    /// It will be sent.
    Pending,
    /// It should have come before it was meant, so it never will.
    Past,
    /// It was sent.
    Sent,
    /// It was handed over, and nobody knows whether it arrived; it is not sent again.
    Uncertain,
    /// It was not sent, and will not be.
    Failed,
}

impl ReminderDocument {
    fn of(reminder: &PlannedReminder, zone: &TimeZone) -> Self {
        let (state, sent_by, cause) = match (reminder.outcome, reminder.due) {
            (Some(ReminderOutcome::Sent { channel, certain: true, .. }), _) => {
                (ReminderState::Sent, Some(channel), None)
            }
            (Some(ReminderOutcome::Sent { channel, certain: false, .. }), _) => {
                (ReminderState::Uncertain, Some(channel), None)
            }
            (Some(ReminderOutcome::Failed { cause }), _) => (ReminderState::Failed, None, Some(cause)),
            (None, Some(_)) => (ReminderState::Pending, None, None),
            (None, None) => (ReminderState::Past, None, None),
        };
        Self {
            r#type: word(reminder.rule.channel),
            time: LeadTime::of(reminder.rule.minutes_before).as_str().to_owned(),
            sent: sent_by.is_some(),
            state,
            due_at: reminder.due.map(|due| rfc3339(due.from, zone)),
            sent_by: sent_by.map(word),
            cause: cause.map(word),
        }
    }
}

impl RemindersDocument {
    fn of(plan: &ReminderPlan) -> Self {
        let zone = plan.booking.as_ref().map_or(TimeZone::UTC, |booking| booking.zone());
        Self {
            own: plan.booking.as_ref().is_some_and(|booking| booking.chosen.is_some()),
            reminders: plan.reminders.iter().map(|reminder| ReminderDocument::of(reminder, &zone)).collect(),
        }
    }
}

/// How a patient is reminded of an appointment from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
struct RemindersInput {
    /// The appointment's own, none if nobody is to be reminded; left out, they are the practice's again.
    #[oai(validator(max_items = "5"))]
    reminders: Option<Vec<ReminderRuleInput>>,
    /// Why they change.
    justification: Option<Unparsed<Reason>>,
}

#[derive(ApiResponse)]
enum Changed {
    /// The reminders as they are now.
    #[oai(status = 200)]
    Now(
        Json<RemindersDocument>,
        /// The last position written; left out when nothing changed.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

impl AppointmentRemindersApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }

    async fn plan(&self, received: &Received, id: AppointmentId) -> Result<ReminderPlan, Problem> {
        let found = self.desk.reminders.plan(received.facility_id, id).await?;
        found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listAppointmentReminders", Permission::Read(Area::Appointments)),
    ("chooseAppointmentReminders", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl AppointmentRemindersApi {
    /// How is the patient reminded?
    ///
    /// Which reminders an appointment has, when they are due and what became of those that were.
    #[oai(path = "/:id/reminders", method = "get", operation_id = "listAppointmentReminders")]
    async fn read(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: Looking,
    ) -> Result<Traced<Json<RemindersDocument>>, Problem> {
        // Whoever wrote did not wait for this read model. An old answer is better than none.
        self.desk.caught_up(Reminders::NAME).await;
        let plan = self.plan(&asked, AppointmentId(id.0.0)).await?;
        let patient = plan.booking.as_ref().map(|booking| booking.patient_id);
        Ok(Json(RemindersDocument::of(&plan)).showing(Shown::of("appointment", Some(id.0.0), patient)))
    }

    /// Choose how the patient is reminded
    ///
    /// What was sent stays sent; what should have come before now does not come any more.
    #[oai(path = "/:id/reminders", method = "put", operation_id = "chooseAppointmentReminders")]
    async fn choose(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: Changing,
        StrictJson(input): StrictJson<RemindersInput>,
    ) -> Result<Traced<Changed>, Problem> {
        let mut violations = Vec::new();
        let chosen = input.reminders.as_deref();
        let reminders = chosen.map(|chosen| parse_reminders(chosen, "reminders", &mut violations));
        let justification = parse_optional(input.justification.as_ref(), "justification", &mut violations);
        if !violations.is_empty() {
            return Err(Problem::validation_failed(violations));
        }
        let context = asked.context(justification.as_ref(), &input);
        let (id, command) = (AppointmentId(id.0.0), AppointmentCommand::ChooseReminders { reminders });
        let executed = self.desk.commands.change_appointment(id, &command, &context).await?;
        let settled = self.desk.settle_to_read(Reminders::NAME, executed.position, &asked).await;
        let document = RemindersDocument::of(&self.plan(&asked, id).await?);
        let (position, preference) = settled.into_headers();
        let shown = Shown::of("appointment", Some(id.0), executed.after.aggregate.patient_id);
        Ok(Changed::Now(Json(document), position, preference).showing(shown))
    }
}
