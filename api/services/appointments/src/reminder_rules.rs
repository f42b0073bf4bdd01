//! How the practice reminds its patients of their appointments.

use std::collections::BTreeMap;

use domain::appointment::AppointmentType;
use domain::facility::FacilityCommand;
use domain::ids::StreamVersion;
use domain::reminder::{LeadTime, QuietHours, ReminderRule, ReminderSettings, rule_violations};
use domain::role::Area;
use domain::scheduling::TimeOfDay;
use domain::values::{Channel, CodeValue, Reason, RuleBroken, TextValue};
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::desk::AgendaDesk;
use frame::answers::{Changed, Read};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode, Violation};
use frame::received::{Fetching, Revising};
use frame::strict_json::StrictJson;
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// The operations.
pub struct ReminderRulesApi {
    desk: AgendaDesk,
}

/// How a practice reminds its patients.
#[derive(Object)]
#[oai(rename = "ReminderRules", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ReminderRulesDocument {
    /// Whether it does at all.
    enabled: bool,
    /// The reminders of an appointment for which nothing else is said, the first to come first.
    reminders: Vec<ReminderRuleDocument>,
    /// The reminders of kinds of appointments that have others.
    by_type: Vec<TypeRulesDocument>,
    /// When nobody is disturbed. What would come within these hours comes before them, or else after.
    quiet_hours: Option<QuietHoursDocument>,
    /// The version of the practice, as in the `ETag`.
    version: u64,
}

/// One reminder.
#[derive(Object)]
#[oai(rename = "ReminderRule")]
pub struct ReminderRuleDocument {
    /// By what, if the patient can be reached by it; else by the other: `email` or `sms`.
    r#type: String,
    /// How long before the appointment.
    time: String,
}

/// The reminders of a kind of appointment.
#[derive(Object)]
#[oai(rename = "TypeReminders")]
struct TypeRulesDocument {
    /// The kind of visit.
    r#type: String,
    /// Its reminders; none if nobody is reminded.
    reminders: Vec<ReminderRuleDocument>,
}

/// Hours in which nobody is disturbed, on the clock of the practice. They may go over midnight.
#[derive(Object)]
#[oai(rename = "QuietHours")]
struct QuietHoursDocument {
    start: String,
    end: String,
}

impl From<&ReminderRule> for ReminderRuleDocument {
    fn from(rule: &ReminderRule) -> Self {
        let time = LeadTime::of(rule.minutes_before);
        Self { r#type: rule.channel.code().to_owned(), time: time.as_str().to_owned() }
    }
}

impl ReminderRulesDocument {
    fn of(settings: &ReminderSettings, version: StreamVersion) -> Self {
        let documents = |rules: &[ReminderRule]| rules.iter().map(ReminderRuleDocument::from).collect();
        let of_type = |(kind, rules): (&AppointmentType, &Vec<_>)| TypeRulesDocument {
            r#type: kind.code().to_owned(),
            reminders: documents(rules),
        };
        Self {
            enabled: settings.enabled,
            reminders: documents(&settings.rules),
            by_type: settings.rules_by_type.iter().map(of_type).collect(),
            quiet_hours: settings
                .quiet_hours
                .map(|quiet| QuietHoursDocument { start: quiet.start.to_string(), end: quiet.end.to_string() }),
            version: version.get(),
        }
    }
}

/// How the practice reminds its patients from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReminderRulesInput {
    /// Whether it does at all.
    enabled: bool,
    /// The reminders of an appointment for which nothing else is said.
    #[oai(validator(max_items = "5"))]
    reminders: Vec<ReminderRuleInput>,
    /// The reminders of kinds of appointments that have others, each kind once.
    #[oai(validator(max_items = "6"))]
    by_type: Option<Vec<TypeRulesInput>>,
    /// When nobody is disturbed; left out, messages are sent at any hour.
    quiet_hours: Option<QuietHoursInput>,
    /// Why it changes.
    reason: Option<Unparsed<Reason>>,
}

/// One reminder.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReminderRuleInput {
    /// By what, if the patient can be reached by it; else by the other.
    r#type: UnparsedCode<Channel>,
    /// How long before the appointment.
    time: Unparsed<LeadTime>,
}

/// The reminders of a kind of appointment.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeRulesInput {
    /// The kind of visit.
    r#type: UnparsedCode<AppointmentType>,
    /// Its reminders; none if nobody is to be reminded.
    #[oai(validator(max_items = "5"))]
    reminders: Vec<ReminderRuleInput>,
}

/// Hours in which nobody is disturbed, on the clock of the practice: from 00:00 to 24:00. They may go over midnight.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietHoursInput {
    /// When they begin.
    #[oai(validator(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))]
    start: String,
    /// When they end.
    #[oai(validator(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))]
    end: String,
}

/// The reminders in a field of this name; what is wrong with them is added to the violations.
pub fn parse_reminders(
    inputs: &[ReminderRuleInput],
    field: &str,
    violations: &mut Vec<Violation>,
) -> Vec<ReminderRule> {
    let before = violations.len();
    let mut rules = Vec::with_capacity(inputs.len());
    for (number, input) in inputs.iter().enumerate() {
        let channel = input.r#type.parse(&format!("{field}[{number}].type"), violations);
        let time = input.time.parse(&format!("{field}[{number}].time"), violations);
        rules.extend(channel.zip(time).map(|(channel, time)| ReminderRule { channel, minutes_before: time.minutes() }));
    }
    if violations.len() == before {
        violations.extend(rule_violations(&rules, field).into_iter().map(Violation::from));
    }
    rules
}

impl QuietHoursInput {
    fn parse(&self, violations: &mut Vec<Violation>) -> Option<QuietHours> {
        let mut time = |raw: &str, field: &str| {
            TimeOfDay::parse(raw).map_err(|broken| violations.push(broken.at(field).into())).ok()
        };
        let (start, end) = (time(&self.start, "quietHours.start"), time(&self.end, "quietHours.end"));
        Some(QuietHours { start: start?, end: end? })
    }
}

impl ReminderRulesInput {
    fn parse(&self) -> Result<(ReminderSettings, Option<Reason>), Problem> {
        let mut violations = Vec::new();
        let rules = parse_reminders(&self.reminders, "reminders", &mut violations);
        let mut rules_by_type = BTreeMap::new();
        for (number, input) in self.by_type.iter().flatten().enumerate() {
            let field = format!("byType[{number}]");
            let of_kind = parse_reminders(&input.reminders, &format!("{field}.reminders"), &mut violations);
            let Some(kind) = input.r#type.parse(&format!("{field}.type"), &mut violations) else { continue };
            if rules_by_type.insert(kind, of_kind).is_some() {
                let broken = RuleBroken::new("duplicate_type", "The kind of visit is named before.");
                violations.push(broken.at(format!("{field}.type")).into());
            }
        }
        let quiet_hours = self.quiet_hours.as_ref().and_then(|quiet| quiet.parse(&mut violations));
        let settings = ReminderSettings { enabled: self.enabled, rules, rules_by_type, quiet_hours };
        if violations.is_empty() {
            violations.extend(settings.violations().into_iter().map(Violation::from));
        }
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        if violations.is_empty() { Ok((settings, reason)) } else { Err(Problem::validation_failed(violations)) }
    }
}

impl ReminderRulesApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    // When patients are written to belongs to the calendar, for which admins, doctors and secretaries answer.
    ("readReminderRules", Permission::Read(Area::Availability)),
    ("changeReminderRules", Permission::Write(Area::Availability)),
];

#[OpenApi(prefix_path = "/api/v1/facilities/current", tag = "Chapter::Facilities")]
impl ReminderRulesApi {
    /// How does the practice remind its patients?
    ///
    /// An e-mail the day before, a text message two hours before and nothing at night, unless it decided otherwise.
    #[oai(path = "/reminders", method = "get", operation_id = "readReminderRules")]
    async fn read(&self, asked: Fetching) -> Result<Read<ReminderRulesDocument>, Problem> {
        let found = self.desk.facilities.get(asked.facility_id).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        Read::of(&asked, found.version, || Ok(ReminderRulesDocument::of(&found.reminders, found.version)))
    }

    /// Change how the practice reminds its patients
    ///
    /// All of it at once. Reminders that were not sent yet follow the new rules, of appointments that have none of their own;
    /// what would have had to come before the change is not sent any more.
    #[oai(path = "/reminders", method = "put", operation_id = "changeReminderRules")]
    async fn change(
        &self,
        asked: Revising,
        StrictJson(input): StrictJson<ReminderRulesInput>,
    ) -> Result<Changed<ReminderRulesDocument>, Problem> {
        asked.conditional()?;
        let (reminders, reason) = input.parse()?;
        let context = asked.context(reason.as_ref(), &input);
        let command = FacilityCommand::SetReminderRules { reminders };
        let executed = self.desk.commands.change_facility(&command, &context).await?;
        let settled = self.desk.settle(executed.position, &asked).await;
        let (settings, version) = (&executed.after.aggregate.reminders, executed.after.version);
        Ok(Changed::now(ReminderRulesDocument::of(settings, version), version, settled))
    }
}
