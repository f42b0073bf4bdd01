//! What a practice decides about reminders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{QuietHours, ReminderRule};
use crate::appointment::AppointmentType;
use crate::values::{Channel, RuleBroken, Violation};

/// How many reminders an appointment has at most.
pub const MOST_REMINDERS: usize = 5;

/// The shortest time before an appointment, in minutes: a message takes its time as well.
pub const SHORTEST_LEAD: u32 = 15;

/// The longest, in minutes: thirty days.
pub const LONGEST_LEAD: u32 = 30 * 24 * 60;

/// How a practice reminds its patients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderSettings {
    /// Whether it does at all.
    pub enabled: bool,
    /// The reminders of an appointment for which nothing else is said.
    pub rules: Vec<ReminderRule>,
    /// The reminders of kinds of appointments that have others; none for those of which nobody is reminded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules_by_type: BTreeMap<AppointmentType, Vec<ReminderRule>>,
    /// When nobody is disturbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

impl Default for ReminderSettings {
    /// As most practices do it: an e-mail the day before, a text message two hours before, nothing at night.
    fn default() -> Self {
        let rules = [(Channel::Email, 24 * 60), (Channel::Sms, 2 * 60)];
        Self {
            enabled: true,
            rules: rules.map(|(channel, minutes_before)| ReminderRule { channel, minutes_before }).into(),
            rules_by_type: BTreeMap::new(),
            quiet_hours: Some(QuietHours::default()),
        }
    }
}

impl ReminderSettings {
    /// The reminders of an appointment of this kind that may have some of its own.
    pub fn rules_of<'a>(&'a self, kind: AppointmentType, chosen: Option<&'a [ReminderRule]>) -> &'a [ReminderRule] {
        if !self.enabled {
            return &[];
        }
        chosen.unwrap_or_else(|| self.rules_by_type.get(&kind).unwrap_or(&self.rules))
    }

    /// The same with every list in the order in which the reminders come.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.rules_by_type.values_mut().chain([&mut self.rules]).for_each(|rules| rules.sort_unstable_by_key(order));
        self
    }

    /// What is wrong with them.
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations = rule_violations(&self.rules, "reminders");
        for (number, rules) in self.rules_by_type.values().enumerate() {
            violations.extend(rule_violations(rules, &format!("byType[{number}].reminders")));
        }
        if self.quiet_hours.is_some_and(|quiet| !quiet.leaves_time()) {
            let detail = "Quiet hours begin and end at different times, and leave an hour of the day at least.";
            violations.push(RuleBroken::new("quiet_hours_range", detail).at("quietHours"));
        }
        violations
    }
}

/// What is wrong with the reminders of an appointment, a kind of them or all of a practice, in a field of this name.
pub fn rule_violations(rules: &[ReminderRule], field: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    if rules.len() > MOST_REMINDERS {
        let broken = RuleBroken::new("too_many", format!("At most {MOST_REMINDERS} reminders."));
        violations.push(broken.at(field));
    }
    for (number, rule) in rules.iter().enumerate() {
        if !(SHORTEST_LEAD..=LONGEST_LEAD).contains(&rule.minutes_before) {
            let detail = "A reminder comes between 15 minutes and 30 days before the appointment.";
            violations.push(RuleBroken::new("lead_time_range", detail).at(format!("{field}[{number}].time")));
        }
        if rules[..number].contains(rule) {
            let broken = RuleBroken::new("repeated", "Each reminder is named once.");
            violations.push(broken.at(format!("{field}[{number}]")));
        }
    }
    violations
}

/// The same in the order in which they come.
pub fn in_order(mut rules: Vec<ReminderRule>) -> Vec<ReminderRule> {
    rules.sort_unstable_by_key(order);
    rules
}

/// The first to come first.
pub(super) const fn order(rule: &ReminderRule) -> (std::cmp::Reverse<u32>, Channel) {
    (std::cmp::Reverse(rule.minutes_before), rule.channel)
}
