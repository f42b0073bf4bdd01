//! What a practice decides about the accounts of its staff.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::role::Role;
use crate::values::{RuleBroken, Violation};

/// The settings of a practice. A setting that an older event does not name has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FacilitySettings {
    /// After how many minutes without a request a session ends.
    pub idle_timeout_minutes: u16,
    /// The roles that log in with a second factor only.
    pub mfa_required_for: BTreeSet<Role>,
}

impl FacilitySettings {
    /// How short and how long the idle time-out may be. NIST SP 800-63B (§4.2.3) ends a session of its level AAL2 after 30
    /// minutes without activity and after 12 hours in any case: nothing longer is a time-out.
    pub const IDLE_TIMEOUT_MINUTES: RangeInclusive<u16> = 5..=720;

    /// What a practice begins with outside the demo: whoever reads clinical data, administers accounts or watches over them
    /// needs a second factor.
    pub fn in_production() -> Self {
        let mfa_required_for = [Role::Doctor, Role::Nurse, Role::Admin, Role::Auditor, Role::Dpo].into();
        Self { mfa_required_for, ..Self::default() }
    }

    /// Refuses an idle time-out that is none, and one that nobody can work with.
    pub fn check(&self) -> Result<(), Violation> {
        let allowed = Self::IDLE_TIMEOUT_MINUTES;
        if allowed.contains(&self.idle_timeout_minutes) {
            return Ok(());
        }
        let detail = format!("The idle time-out lies between {} and {} minutes.", allowed.start(), allowed.end());
        Err(RuleBroken::new("idle_timeout_range", detail).at("idleTimeoutMinutes"))
    }
}

impl Default for FacilitySettings {
    fn default() -> Self {
        Self { idle_timeout_minutes: 30, mfa_required_for: BTreeSet::new() }
    }
}
