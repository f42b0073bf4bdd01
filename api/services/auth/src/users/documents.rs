//! A member of staff, their sessions and their links, as the API shows them. Never a secret, but the one of a link that was
//! just made.

use domain::user::UserStatus;
use poem_openapi::{Enum, Object};
use projections::users::UserView;
use uuid::Uuid;

use crate::roles::RoleName;
use accounts::one_time_links::OneTimeLink;
use accounts::sessions::Session;

/// Whether a member of staff can log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum AccountStatus {
    /// Has not chosen a password yet.
    Invited,
    /// Can log in.
    Active,
    /// May not come in any more.
    Suspended,
}

impl From<UserStatus> for AccountStatus {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Invited => Self::Invited,
            UserStatus::Active => Self::Active,
            UserStatus::Suspended => Self::Suspended,
        }
    }
}

/// A member of staff. Fields that are not known are left out; all personal fields are, once they have been erased.
#[derive(Debug, Object)]
#[oai(rename = "User", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct UserDocument {
    id: Uuid,
    role: RoleName,
    status: AccountStatus,
    /// The version of the member of staff, as in the `ETag`.
    version: u64,
    /// When they were registered (RFC 3339).
    created_at: String,
    /// When they were last changed (RFC 3339).
    updated_at: String,
    last_name: Option<String>,
    first_name: Option<String>,
    /// By which they log in.
    email: Option<String>,
    /// E.164.
    phone: Option<String>,
    /// The number in the national directory of health professionals.
    rpps_number: Option<String>,
    /// The number in the older directory.
    adeli_number: Option<String>,
    /// Codes of the reference list of specialties (`GET specialties`).
    specialties: Vec<String>,
    /// Whether they log in with a second factor.
    mfa_enabled: bool,
    /// True once their personal data was erased.
    forgotten: Option<bool>,
}

impl From<UserView> for UserDocument {
    fn from(view: UserView) -> Self {
        Self {
            id: view.id.0,
            role: view.role.into(),
            status: view.status.into(),
            version: view.version.get(),
            created_at: view.created_at.to_string(),
            updated_at: view.updated_at.to_string(),
            last_name: view.last_name,
            first_name: view.first_name,
            email: view.email,
            phone: view.phone,
            rpps_number: view.rpps_number,
            adeli_number: view.adeli_number,
            specialties: view.specialties,
            mfa_enabled: view.mfa_enabled,
            forgotten: view.forgotten.then_some(true),
        }
    }
}

/// A member of staff, with the link that was just made for them.
#[derive(Object)]
#[oai(rename = "UserWithLink", skip_serializing_if_is_none)]
pub(super) struct UserWithLinkDocument {
    pub(super) user: UserDocument,
    /// To be handed to the member of staff and nobody else. It is not stored, and cannot be read again.
    pub(super) link: Option<LinkDocument>,
}

/// The secret by which somebody chooses a password, once (`POST auth/password/accept`). A newer one makes it void.
#[derive(Object)]
#[oai(rename = "OneTimeLink", rename_all = "camelCase")]
pub(super) struct LinkDocument {
    token: String,
    /// Until when it is good (RFC 3339).
    expires_at: String,
}

impl From<OneTimeLink> for LinkDocument {
    fn from(link: OneTimeLink) -> Self {
        Self { token: (*link.token).clone(), expires_at: link.expires_at.to_string() }
    }
}

/// The sessions of a member of staff that go on, the latest first.
#[derive(Object)]
#[oai(rename = "UserSessionList")]
pub(super) struct UserSessionListDocument {
    pub(super) items: Vec<UserSessionDocument>,
}

/// A session: one login, on one device.
#[derive(Object)]
#[oai(rename = "UserSession", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct UserSessionDocument {
    id: Uuid,
    /// When it began (RFC 3339).
    created_at: String,
    /// When it was last used (RFC 3339), to within half a minute.
    last_seen_at: String,
    /// When it ends in any case (RFC 3339).
    expires_at: String,
    /// From where it began.
    client_address: Option<String>,
    /// With which program.
    user_agent: Option<String>,
    /// Whether with a second factor.
    second_factor: bool,
}

impl From<Session> for UserSessionDocument {
    fn from(session: Session) -> Self {
        Self {
            id: session.session_id,
            created_at: session.created_at.to_string(),
            last_seen_at: session.last_seen_at.to_string(),
            expires_at: session.expires_at.to_string(),
            client_address: session.client_address,
            user_agent: session.user_agent,
            second_factor: session.second_factor,
        }
    }
}
