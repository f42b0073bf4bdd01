//! What can have happened to a member of staff and to their account, and what each event reserves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::details::{LoginMethod, PasswordOccasion, Profession, Profile, RefusalCause, SessionEnder};
use super::rules;
use crate::event::LoggedEvent;
use crate::ids::SessionId;
use crate::personal::Revealed;
use crate::reservation::{KeyKind, Reservation};
use crate::role::Role;

/// An event of a member of staff's file or account. No secret stands in any of them.
///
/// `fields_changed` names fields of the API (`email`), never their values: it travels in the open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum UserEvent {
    /// The practice took them on.
    UserRegistered {
        /// What they do here.
        role: Role,
        /// Under which numbers they practise.
        #[serde(flatten)]
        profession: Profession,
        /// Who they are.
        #[serde(default)]
        personal: Revealed<Profile>,
    },
    /// A link was made by which they choose their first password. Any former one is void.
    UserInvited {
        /// When it stops working.
        expires_at: Timestamp,
    },
    /// A link was made by which they choose another password. Any former one is void.
    PasswordResetStarted {
        /// When it stops working.
        expires_at: Timestamp,
    },
    /// The same link was made and handed to whoever asked for it, who could become its owner with it.
    PasswordResetHandedOut {
        /// When it stops working.
        expires_at: Timestamp,
    },
    /// What is known of them changed.
    UserProfileChanged {
        /// The fields that differ.
        fields_changed: Vec<String>,
        /// Under which numbers they practise from now on.
        #[serde(flatten)]
        profession: Profession,
        /// Who they are from now on.
        #[serde(default)]
        personal: Revealed<Profile>,
    },
    /// They have another role.
    RoleAssigned {
        /// What they do here from now on.
        role: Role,
    },
    /// They may not come in any more.
    UserSuspended {},
    /// They may come in again.
    UserReinstated {
        /// What they come back as.
        role: Role,
    },
    /// They chose a password.
    PasswordChanged {
        /// On which occasion.
        by: PasswordOccasion,
    },
    /// They log in with a second factor from now on.
    MfaEnabled {},
    /// They log in without a second factor, until they enroll another.
    MfaDisabled {},
    /// One of their recovery codes was used up.
    RecoveryCodeUsed {},
    /// They came in.
    LoggedIn {
        /// The session that began.
        session_id: SessionId,
        /// How they proved who they are.
        method: LoginMethod,
    },
    /// Somebody who named their e-mail address was not let in.
    LoginRefused {
        /// Why.
        cause: RefusalCause,
    },
    /// Wrong passwords locked the account.
    AccountLocked {
        /// Until when.
        until: Timestamp,
    },
    /// An administrator lifted the lock of the account: its owner may try again at once.
    AccountUnlocked {},
    /// They left.
    LoggedOut {
        /// The session that ended.
        session_id: SessionId,
    },
    /// A refresh token came a second time, and the session ended.
    RefreshTokenReused {
        /// The session.
        session_id: SessionId,
    },
    /// A session ended before its time.
    SessionRevoked {
        /// The session.
        session_id: SessionId,
        /// Who or what ended it.
        by: SessionEnder,
    },
}

/// The types of events that the file does not show: who came and went, and what became of links and locks. They are many,
/// and nobody who changes a profile meanwhile is to be told that it changed.
pub(super) const NOT_SHOWN: [&str; 11] = [
    "UserInvited",
    "PasswordResetStarted",
    "PasswordResetHandedOut",
    "RecoveryCodeUsed",
    "LoggedIn",
    "LoginRefused",
    "AccountLocked",
    "AccountUnlocked",
    "LoggedOut",
    "RefreshTokenReused",
    "SessionRevoked",
];

impl cqrs_es::DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        match self {
            Self::UserRegistered { .. } => "UserRegistered",
            Self::UserInvited { .. } => "UserInvited",
            Self::PasswordResetStarted { .. } => "PasswordResetStarted",
            Self::PasswordResetHandedOut { .. } => "PasswordResetHandedOut",
            Self::UserProfileChanged { .. } => "UserProfileChanged",
            Self::RoleAssigned { .. } => "RoleAssigned",
            Self::UserSuspended {} => "UserSuspended",
            Self::UserReinstated { .. } => "UserReinstated",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::MfaEnabled {} => "MfaEnabled",
            Self::MfaDisabled {} => "MfaDisabled",
            Self::RecoveryCodeUsed {} => "RecoveryCodeUsed",
            Self::LoggedIn { .. } => "LoggedIn",
            Self::LoginRefused { .. } => "LoginRefused",
            Self::AccountLocked { .. } => "AccountLocked",
            Self::AccountUnlocked {} => "AccountUnlocked",
            Self::LoggedOut { .. } => "LoggedOut",
            Self::RefreshTokenReused { .. } => "RefreshTokenReused",
            Self::SessionRevoked { .. } => "SessionRevoked",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::UserRegistered { .. }
            | Self::UserInvited { .. }
            | Self::PasswordResetStarted { .. }
            | Self::PasswordResetHandedOut { .. }
            | Self::UserProfileChanged { .. }
            | Self::RoleAssigned { .. }
            | Self::UserSuspended {}
            | Self::UserReinstated { .. }
            | Self::PasswordChanged { .. }
            | Self::MfaEnabled {}
            | Self::MfaDisabled {}
            | Self::RecoveryCodeUsed {}
            | Self::LoggedIn { .. }
            | Self::LoginRefused { .. }
            | Self::AccountLocked { .. }
            | Self::AccountUnlocked {}
            | Self::LoggedOut { .. }
            | Self::RefreshTokenReused { .. }
            | Self::SessionRevoked { .. } => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for UserEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("UserRegistered", 1),
        ("UserInvited", 1),
        ("PasswordResetStarted", 1),
        ("PasswordResetHandedOut", 1),
        ("UserProfileChanged", 1),
        ("RoleAssigned", 1),
        ("UserSuspended", 1),
        ("UserReinstated", 1),
        ("PasswordChanged", 1),
        ("MfaEnabled", 1),
        ("MfaDisabled", 1),
        ("RecoveryCodeUsed", 1),
        ("LoggedIn", 1),
        ("LoginRefused", 1),
        ("AccountLocked", 1),
        ("AccountUnlocked", 1),
        ("LoggedOut", 1),
        ("RefreshTokenReused", 1),
        ("SessionRevoked", 1),
    ];

    /// Somebody who is suspended keeps their e-mail address: it is theirs when they come back.
    fn reservations(&self) -> Vec<Reservation> {
        let email = |profile: &Profile| Reservation::Keys {
            kind: KeyKind::UserEmail,
            keys: vec![rules::email_key(&profile.email)],
        };
        let administers = |administers: bool| Reservation::Keys {
            kind: KeyKind::FacilityAdmin,
            keys: if administers { vec![rules::admin_key()] } else { Vec::new() },
        };
        match self {
            Self::UserRegistered { role, profession: _, personal } => {
                let email = personal.value().map(email);
                email.into_iter().chain([administers(*role == Role::Admin)]).collect()
            }
            Self::UserProfileChanged { fields_changed: _, profession: _, personal } => {
                personal.value().map(email).into_iter().collect()
            }
            Self::RoleAssigned { role } | Self::UserReinstated { role } => vec![administers(*role == Role::Admin)],
            Self::UserSuspended {} => vec![administers(false)],
            Self::UserInvited { .. }
            | Self::PasswordResetStarted { .. }
            | Self::PasswordResetHandedOut { .. }
            | Self::PasswordChanged { .. }
            | Self::MfaEnabled {}
            | Self::MfaDisabled {}
            | Self::RecoveryCodeUsed {}
            | Self::LoggedIn { .. }
            | Self::LoginRefused { .. }
            | Self::AccountLocked { .. }
            | Self::AccountUnlocked {}
            | Self::LoggedOut { .. }
            | Self::RefreshTokenReused { .. }
            | Self::SessionRevoked { .. } => Vec::new(),
        }
    }
}
