//! A member of staff: who they are, what they do in the practice, and what happens to their account.
//!
//! ```text
//!            UserRegistered              PasswordChanged (invitation)
//!  (nothing) ──────────────► invited ────────────────────────────────► active ──► LoggedIn, LoggedOut, …
//!                               │                                       │  ▲
//!                               │             UserSuspended             ▼  │
//!                               └───────────────────────────────────► suspended
//!                                              UserReinstated: back to where they were
//! ```
//!
//! Passwords, secrets of second factors and tokens are never here: whoever keeps them reports what happened.

mod command;
mod details;
mod event;
mod rules;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::UserCommand;
pub use self::details::{
    LoginMethod, PasswordOccasion, Profession, Profile, RefusalCause, SessionEnder, UserDetails, UserStatus,
};
pub use self::event::UserEvent;
pub use self::rules::ADMIN_KEY;
use crate::aggregate::AggregateRoot;
use crate::ids::SubjectId;
use crate::personal::Revealed;
use crate::refusal::{Refusal, Refused};
use crate::role::Role;
use crate::values::Violation;

/// A member of staff as their events tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// What they do in the practice; none before the registration.
    pub role: Option<Role>,
    /// Under which numbers they practise.
    pub profession: Profession,
    /// Who they are.
    pub profile: Revealed<Profile>,
    /// Whether they ever chose a password.
    pub has_password: bool,
    /// Whether they log in with a second factor.
    pub mfa_enabled: bool,
    /// Whether they are shut out.
    pub suspended: bool,
}

/// What a decision on a member of staff has to know of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colleagues {
    /// Whether somebody else administers the practice, and can log in.
    pub another_admin: bool,
}

/// Why a command on a member of staff is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is nobody of that id.
    #[error("the user is not registered")]
    NotRegistered,
    /// The id is taken.
    #[error("the user is already registered")]
    AlreadyRegistered,
    /// They chose a password, so that a reset leads to another, not an invitation.
    #[error("the user has already chosen a password")]
    AlreadyActivated,
    /// They have to be invited before anything needs a password.
    #[error("the user has not chosen a password yet")]
    NotActivated,
    /// They may not come in.
    #[error("the user is suspended")]
    Suspended,
    /// Only somebody who is suspended can be reinstated.
    #[error("the user is not suspended")]
    NotSuspended,
    /// Nobody would be left who can give accounts and permissions.
    #[error("the user is the last active administrator of the facility")]
    LastAdmin,
    /// There is a second factor, which has to be taken away first.
    #[error("the user already has a second factor")]
    MfaAlreadyEnabled,
    /// There is no second factor.
    #[error("the user has no second factor")]
    MfaNotEnabled,
    /// The data are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
}

impl Refused for UserError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NotRegistered => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::AlreadyRegistered
            | Self::AlreadyActivated
            | Self::NotActivated
            | Self::Suspended
            | Self::NotSuspended
            | Self::LastAdmin
            | Self::MfaAlreadyEnabled
            | Self::MfaNotEnabled => Refusal::NotNow(self.sentence()),
        }
    }
}

impl User {
    /// Whether they can log in.
    pub fn status(&self) -> UserStatus {
        match self {
            Self { suspended: true, .. } => UserStatus::Suspended,
            Self { has_password: false, .. } => UserStatus::Invited,
            Self { .. } => UserStatus::Active,
        }
    }

    /// Whether they administer the practice, and can log in to do it.
    pub fn is_active_admin(&self) -> bool {
        self.role == Some(Role::Admin) && self.status() == UserStatus::Active
    }

    fn registered(&self) -> Result<Role, UserError> {
        self.role.ok_or(UserError::NotRegistered)
    }

    fn not_suspended(&self) -> Result<Role, UserError> {
        let role = self.registered()?;
        if self.suspended { Err(UserError::Suspended) } else { Ok(role) }
    }

    fn active(&self) -> Result<Role, UserError> {
        let role = self.not_suspended()?;
        if self.has_password { Ok(role) } else { Err(UserError::NotActivated) }
    }

    /// Refuses to lose the administrator, if nobody else is one.
    fn dispensable(&self, colleagues: Colleagues) -> Result<(), UserError> {
        if self.is_active_admin() && !colleagues.another_admin { Err(UserError::LastAdmin) } else { Ok(()) }
    }

    /// The event that the command leads to from here, if it changes anything.
    fn decide(&self, command: UserCommand, colleagues: Colleagues) -> Result<Option<UserEvent>, UserError> {
        let event = match command {
            UserCommand::RegisterUser { role, details: UserDetails { profile, profession } } => {
                if self.role.is_some() {
                    return Err(UserError::AlreadyRegistered);
                }
                refuse(rules::violations(role, &profession))?;
                UserEvent::UserRegistered { role, profession, personal: Revealed::Value(profile) }
            }
            UserCommand::InviteUser { expires_at } => {
                self.not_suspended()?;
                if self.has_password {
                    return Err(UserError::AlreadyActivated);
                }
                UserEvent::UserInvited { expires_at }
            }
            UserCommand::StartPasswordReset { expires_at } => {
                self.active()?;
                UserEvent::PasswordResetStarted { expires_at }
            }
            UserCommand::HandOutPasswordReset { expires_at } => {
                self.active()?;
                UserEvent::PasswordResetHandedOut { expires_at }
            }
            UserCommand::ChangeProfile { details } => {
                let role = self.registered()?;
                refuse(rules::violations(role, &details.profession))?;
                let fields_changed = rules::profile_changes(self.profile.value(), &self.profession, &details);
                if fields_changed.is_empty() {
                    return Ok(None);
                }
                let UserDetails { profile, profession } = details;
                UserEvent::UserProfileChanged { fields_changed, profession, personal: Revealed::Value(profile) }
            }
            UserCommand::AssignRole { role } => {
                if self.registered()? == role {
                    return Ok(None);
                }
                self.dispensable(colleagues)?;
                refuse(rules::violations(role, &self.profession))?;
                UserEvent::RoleAssigned { role }
            }
            UserCommand::SuspendUser => {
                self.not_suspended()?;
                self.dispensable(colleagues)?;
                UserEvent::UserSuspended {}
            }
            UserCommand::ReinstateUser => {
                let role = self.registered()?;
                if !self.suspended {
                    return Err(UserError::NotSuspended);
                }
                UserEvent::UserReinstated { role }
            }
            UserCommand::ChangePassword { by } => {
                match by {
                    PasswordOccasion::Invitation if self.has_password => return Err(UserError::AlreadyActivated),
                    PasswordOccasion::Invitation => self.not_suspended()?,
                    PasswordOccasion::Change | PasswordOccasion::Reset => self.active()?,
                };
                UserEvent::PasswordChanged { by }
            }
            UserCommand::EnableMfa => {
                self.active()?;
                if self.mfa_enabled {
                    return Err(UserError::MfaAlreadyEnabled);
                }
                UserEvent::MfaEnabled {}
            }
            UserCommand::DisableMfa => {
                self.with_mfa()?;
                UserEvent::MfaDisabled {}
            }
            UserCommand::UseRecoveryCode => {
                self.with_mfa()?;
                UserEvent::RecoveryCodeUsed {}
            }
            UserCommand::LogIn { session_id, method } => {
                self.active()?;
                UserEvent::LoggedIn { session_id, method }
            }
            UserCommand::RefuseLogin { cause } => self.happened(UserEvent::LoginRefused { cause })?,
            UserCommand::LockAccount { until } => self.happened(UserEvent::AccountLocked { until })?,
            UserCommand::UnlockAccount => self.happened(UserEvent::AccountUnlocked {})?,
            UserCommand::LogOut { session_id } => self.happened(UserEvent::LoggedOut { session_id })?,
            UserCommand::ReportRefreshTokenReuse { session_id } => {
                self.happened(UserEvent::RefreshTokenReused { session_id })?
            }
            UserCommand::RevokeSession { session_id, by } => {
                self.happened(UserEvent::SessionRevoked { session_id, by })?
            }
        };
        Ok(Some(event))
    }

    fn with_mfa(&self) -> Result<(), UserError> {
        self.registered()?;
        if self.mfa_enabled { Ok(()) } else { Err(UserError::MfaNotEnabled) }
    }

    /// What has already happened to the account is only to be written down.
    fn happened(&self, event: UserEvent) -> Result<UserEvent, UserError> {
        self.registered().map(|_| event)
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = Colleagues;

    async fn handle(
        &mut self,
        command: UserCommand,
        colleagues: &Colleagues,
        sink: &EventSink<Self>,
    ) -> Result<(), UserError> {
        if let Some(event) = self.decide(command, *colleagues)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: UserEvent) {
        match event {
            UserEvent::UserRegistered { role, profession, personal } => {
                *self = Self { role: Some(role), profession, profile: personal, ..Self::default() };
            }
            UserEvent::UserProfileChanged { fields_changed: _, profession, personal } => {
                (self.profession, self.profile) = (profession, personal);
            }
            UserEvent::RoleAssigned { role } => self.role = Some(role),
            UserEvent::UserSuspended {} => self.suspended = true,
            UserEvent::UserReinstated { role: _ } => self.suspended = false,
            UserEvent::PasswordChanged { by: _ } => self.has_password = true,
            UserEvent::MfaEnabled {} => self.mfa_enabled = true,
            UserEvent::MfaDisabled {} => self.mfa_enabled = false,
            UserEvent::UserInvited { .. }
            | UserEvent::PasswordResetStarted { .. }
            | UserEvent::PasswordResetHandedOut { .. }
            | UserEvent::RecoveryCodeUsed {}
            | UserEvent::LoggedIn { .. }
            | UserEvent::LoginRefused { .. }
            | UserEvent::AccountLocked { .. }
            | UserEvent::AccountUnlocked {}
            | UserEvent::LoggedOut { .. }
            | UserEvent::RefreshTokenReused { .. }
            | UserEvent::SessionRevoked { .. } => {}
        }
    }
}

impl AggregateRoot for User {
    const INTRODUCES_SUBJECT: bool = true;

    fn subject(&self, id: Uuid) -> Option<SubjectId> {
        Some(SubjectId(id))
    }

    fn shows(event_type: &str) -> bool {
        !event::NOT_SHOWN.contains(&event_type)
    }
}

fn refuse(violations: impl Iterator<Item = Violation>) -> Result<(), UserError> {
    let violations: Vec<_> = violations.collect();
    if violations.is_empty() { Ok(()) } else { Err(UserError::Invalid(violations)) }
}
