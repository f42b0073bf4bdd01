//! A member of staff, their sessions and their links, as the API shows them. Never a secret, but the one of a link that was
//! just made.

use poem_openapi::{Enum, Object};
use projections::users::UserView;
use serde::Serialize;
use uuid::Uuid;

use crate::roles::RoleName;
use accounts::one_time_links::OneTimeLink;
use accounts::sessions::Session;
use frame::problem::Problem;
use frame::written_json::WrittenJson;

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

/// A member of staff, with the link that was just made for them.
#[derive(Object)]
#[oai(rename = "UserWithLink", skip_serializing_if_is_none)]
pub(super) struct UserWithLinkDocument {
    user: UserDocument,
    /// To be handed to the member of staff and nobody else. It is not stored, and cannot be read again. Left out if it went to
    /// them by e-mail.
    link: Option<LinkDocument>,
}

/// The same, as it is sent.
#[derive(Serialize)]
struct StoredUserWithLink<'a> {
    user: &'a UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkDocument>,
}

impl UserWithLinkDocument {
    /// Of this member of staff.
    pub(super) fn written(user: &UserView, link: Option<OneTimeLink>) -> Result<WrittenJson<Self>, Problem> {
        WrittenJson::written(&StoredUserWithLink { user, link: link.map(LinkDocument::from) })
    }
}

/// The secret by which somebody chooses a password, once (`POST auth/password/accept`). A newer one makes it void.
#[derive(Object, Serialize)]
#[oai(rename = "OneTimeLink", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct LinkDocument {
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
