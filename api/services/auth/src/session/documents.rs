//! What the session chapter reads and writes. The field names are in snake_case, as OAuth 2 and the product's own
//! specification write them.

use domain::permissions::Permissions;
use domain::values::{EmailAddress, RuleBroken, TextValue};
use poem_openapi::{Enum, Object};
use serde::Deserialize;
use uuid::Uuid;

use crate::roles::{PermissionsDocument, RoleName};
use accounts::account::Account;
use accounts::device_token::DeviceToken;
use accounts::login::Admission;
use accounts::password_policy::NewPassword;
use accounts::sessions::Session;
use frame::unparsed::Unparsed;

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal, $description:literal, $example:literal) => {
        $(#[$doc])*
        pub struct $name(String);

        impl TextValue for $name {
            const MIN_LENGTH: usize = $min;
            const MAX_LENGTH: usize = $max;
            const PATTERN: Option<&'static str> = None;
            const FORMAT: Option<&'static str> = Some("password");
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;

            fn parse(raw: &str) -> Result<Self, RuleBroken> {
                let fits = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&raw.chars().count());
                let refusal = || RuleBroken::new("length", format!("Must have {} to {} characters.", $min, $max));
                fits.then(|| Self(raw.to_owned())).ok_or_else(refusal)
            }

            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for zeroize::Zeroizing<String> {
            fn from(secret: $name) -> Self {
                Self::new(secret.0)
            }
        }
    };
}

secret_text!(
    /// A password as given at login: any text that is not absurdly long.
    GivenPassword, 1..=256, "The password of the account.", "correct horse battery staple"
);
secret_text!(
    /// A code of a second factor.
    GivenCode, 6..=19, "The six digits that the device shows, or a recovery code.", "123456"
);
secret_text!(
    /// A refresh token as it comes back.
    GivenRefreshToken, 1..=200, "The refresh token of the last answer.", "mpr_AZrZ2Z…"
);
secret_text!(
    /// The secret of a one-time link.
    GivenLink, 1..=200, "The token in the link of the invitation or the reset.", "mpl_x1Yz…"
);

/// Who wants to log in.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    pub(super) email: Unparsed<EmailAddress>,
    pub(super) password: Unparsed<GivenPassword>,
    /// Needed when the account has a second factor.
    pub(super) otp: Option<Unparsed<GivenCode>>,
    /// The `device_token` of an earlier login on this device, whoever logged in. Guesses of others do not lock it out.
    pub(super) device_token: Option<Unparsed<DeviceToken>>,
}

/// A session that is to go on.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    pub(super) refresh_token: Unparsed<GivenRefreshToken>,
}

/// Another password.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PasswordChange {
    pub(super) current_password: Unparsed<GivenPassword>,
    pub(super) new_password: Unparsed<NewPassword>,
}

/// Whose password is forgotten.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgottenPassword {
    pub(super) email: Unparsed<EmailAddress>,
}

/// A password chosen by the link of an invitation or a reset.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LinkAcceptance {
    pub(super) token: Unparsed<GivenLink>,
    pub(super) new_password: Unparsed<NewPassword>,
}

/// A code that proves that the device was set up.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeProof {
    pub(super) otp: Unparsed<GivenCode>,
}

/// A fresh proof of identity: one of the two.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUp {
    pub(super) password: Option<Unparsed<GivenPassword>>,
    pub(super) otp: Option<Unparsed<GivenCode>>,
}

/// What a new device is set up with. It is shown once.
#[derive(Object)]
pub(super) struct Enrollment {
    /// In base32, to be typed in.
    pub(super) secret: String,
    /// The same as a URI, to be shown as a QR code.
    pub(super) uri: String,
}

/// Codes that stand in for the device, each once. They are shown once.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct RecoveryCodes {
    pub(super) recovery_codes: Vec<String>,
}

/// An access token, what it is renewed with, and whose it is.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct LoginAnswer {
    /// Goes into the `Authorization` header of every further request.
    access_token: String,
    /// Renews both tokens, once; good for seven days from login.
    refresh_token: String,
    /// How the access token goes there.
    token_type: TokenType,
    /// Seconds that the access token is valid for.
    expires_in: i64,
    /// Who logged in.
    user: UserDocument,
    /// To be kept on this device and sent along at its next login, by whoever logs in on it: the device is known then. It
    /// lets nobody in. Told by a login alone.
    device_token: Option<String>,
}

#[derive(Enum)]
enum TokenType {
    Bearer,
}

impl From<Admission> for LoginAnswer {
    fn from(admission: Admission) -> Self {
        Self {
            access_token: admission.access_token,
            refresh_token: (*admission.refresh_token).clone(),
            token_type: TokenType::Bearer,
            expires_in: admission.expires_in.as_secs(),
            user: UserDocument::of(admission.account, &admission.permissions),
            device_token: admission.device.map(|device| device.as_str().to_owned()),
        }
    }
}

/// The signed-in member of staff.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct UserDocument {
    id: Uuid,
    role: RoleName,
    facility_id: Uuid,
    permissions: PermissionsDocument,
    /// The number in the national directory of health professionals.
    rpps_number: Option<String>,
    /// The number in the older directory.
    adeli_number: Option<String>,
}

impl UserDocument {
    pub(super) fn of(account: Account, permissions: &Permissions) -> Self {
        Self {
            id: account.user_id.0,
            role: account.role.into(),
            facility_id: account.facility_id.0,
            permissions: permissions.into(),
            rpps_number: account.rpps_number,
            adeli_number: account.adeli_number,
        }
    }
}

/// The sessions of the caller.
#[derive(Object)]
pub(super) struct SessionList {
    pub(super) sessions: Vec<SessionDocument>,
}

/// One session: one login, on one device.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct SessionDocument {
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// When it began.
    created_at: String,
    /// When it was last used, to within half a minute.
    last_seen_at: String,
    /// When it ends in any case.
    expires_at: String,
    /// From where it began.
    client_address: Option<String>,
    /// With which program.
    user_agent: Option<String>,
    /// Whether with a second factor.
    second_factor: bool,
}

impl SessionDocument {
    pub(super) fn of(session: Session, current: Uuid) -> Self {
        Self {
            id: session.session_id,
            current: session.session_id == current,
            created_at: session.created_at.to_string(),
            last_seen_at: session.last_seen_at.to_string(),
            expires_at: session.expires_at.to_string(),
            client_address: session.client_address,
            user_agent: session.user_agent,
            second_factor: session.second_factor,
        }
    }
}

/// The public keys of access tokens.
#[derive(Object)]
pub(super) struct KeysDocument {
    pub(super) keys: Vec<KeyDocument>,
}

/// One public key.
#[derive(Object)]
pub(super) struct KeyDocument {
    /// As in the footer of the tokens that it verifies.
    pub(super) kid: String,
    /// The key in PASERK form (`k4.public.…`).
    pub(super) paserk: String,
}
