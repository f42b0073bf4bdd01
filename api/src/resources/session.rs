//! Logging in, and who is logged in. The field names are in snake_case, as OAuth 2 and the product's own specification
//! write them.

use std::sync::Arc;

use domain::role::{Area, Role};
use domain::values::{EmailAddress, RuleBroken, TextValue};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Deserialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Chapter;
use crate::auth::accounts::{Account, Accounts, LoginHash, LookupHash};
use crate::auth::passwords::Passwords;
use crate::auth::tokens::AccessTokens;
use crate::http::auth::Caller;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::strict_json::StrictJson;
use crate::http::wire::Wire;

/// A password as given at login: any text that is not absurdly long.
pub struct GivenPassword(String);

impl TextValue for GivenPassword {
    const MIN_LENGTH: usize = 1;
    const MAX_LENGTH: usize = 256;
    const PATTERN: Option<&'static str> = None;
    const FORMAT: Option<&'static str> = Some("password");
    const DESCRIPTION: &'static str = "The password of the account.";
    const EXAMPLE: &'static str = "correct horse battery staple";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let fits = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&raw.chars().count());
        fits.then(|| Self(raw.to_owned())).ok_or_else(|| RuleBroken::new("length", "Must have 1 to 256 characters."))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who wants to log in.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    email: Wire<EmailAddress>,
    password: Wire<GivenPassword>,
}

/// An access token, and whose it is.
#[derive(Object)]
struct LoginAnswer {
    /// Goes into the `Authorization` header of every further request.
    access_token: String,
    /// How it goes there.
    token_type: TokenType,
    /// Seconds that it is valid for.
    expires_in: i64,
    /// Who logged in.
    user: UserDocument,
}

#[derive(Enum)]
enum TokenType {
    Bearer,
}

/// The signed-in member of staff.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct UserDocument {
    id: Uuid,
    role: RoleName,
    facility_id: Uuid,
    permissions: Permissions,
    /// The number in the national directory of health professionals.
    rpps_number: Option<String>,
    /// The number in the older directory.
    adeli_number: Option<String>,
}

/// The role of a member of staff.
#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum RoleName {
    Doctor,
    Nurse,
    Secretary,
    Admin,
    Auditor,
    Dpo,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Doctor => Self::Doctor,
            Role::Nurse => Self::Nurse,
            Role::Secretary => Self::Secretary,
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
            Role::Dpo => Self::Dpo,
        }
    }
}

/// What a role may do, area by area.
#[derive(Object)]
struct Permissions {
    patients: AreaAccess,
    appointments: AreaAccess,
    availability: AreaAccess,
    medical_records: AreaAccess,
    prescriptions: AreaAccess,
    documents: AreaAccess,
    consents: AreaAccess,
    users: AreaAccess,
    audit: AreaAccess,
    exports: AreaAccess,
}

/// What a role may do in one area.
#[derive(Object)]
#[oai(rename = "Access")]
struct AreaAccess {
    read: bool,
    write: bool,
}

impl From<Role> for Permissions {
    fn from(role: Role) -> Self {
        let of = |area| {
            let access = role.access(area);
            AreaAccess { read: access.may_read(), write: access.may_write() }
        };
        Self {
            patients: of(Area::Patients),
            appointments: of(Area::Appointments),
            availability: of(Area::Availability),
            medical_records: of(Area::MedicalRecords),
            prescriptions: of(Area::Prescriptions),
            documents: of(Area::Documents),
            consents: of(Area::Consents),
            users: of(Area::Users),
            audit: of(Area::Audit),
            exports: of(Area::Exports),
        }
    }
}

impl From<Account> for UserDocument {
    fn from(account: Account) -> Self {
        Self {
            id: account.user_id.0,
            role: account.role.into(),
            facility_id: account.facility_id.0,
            permissions: account.role.into(),
            rpps_number: account.rpps_number,
            adeli_number: account.adeli_number,
        }
    }
}

/// The public keys of access tokens.
#[derive(Object)]
struct KeysDocument {
    keys: Vec<KeyDocument>,
}

/// One public key.
#[derive(Object)]
struct KeyDocument {
    /// As in the footer of the tokens that it verifies.
    kid: String,
    /// The key in PASERK form (`k4.public.…`).
    paserk: String,
}

/// The operations.
pub struct SessionApi {
    accounts: Accounts,
    passwords: Arc<Passwords>,
    tokens: Arc<AccessTokens>,
    keys: Arc<dyn LookupHash>,
}

impl SessionApi {
    /// Over these accounts, found by the hashes of these keys.
    pub fn new(
        accounts: Accounts,
        passwords: Arc<Passwords>,
        tokens: Arc<AccessTokens>,
        keys: Arc<dyn LookupHash>,
    ) -> Self {
        Self { accounts, passwords, tokens, keys }
    }

    /// The account with this e-mail and password. Every refusal but the lock is the same, and takes as long.
    async fn check(&self, email: &EmailAddress, password: GivenPassword) -> Result<Account, Problem> {
        let login = LoginHash::of(email.as_str(), &*self.keys);
        let locked = |wait| Problem::new(ProblemCode::TooManyAttempts).retry_after(wait);
        if let Some(wait) = self.accounts.locked_for(login).await? {
            return Err(locked(wait));
        }
        let found = self.accounts.by_login(login).await?;
        let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
        let right = self.passwords.verify(Zeroizing::new(password.0), hash).await?;
        match account.filter(|_| right) {
            Some(account) if self.accounts.password_was_right(login).await? => {
                let active = account.active.then_some(account);
                active.ok_or_else(|| Problem::new(ProblemCode::InvalidCredentials))
            }
            // Locked by other guesses while this one was looked at.
            Some(_) => Err(locked(self.accounts.locked_for(login).await?.unwrap_or_default())),
            None => {
                self.accounts.password_was_wrong(login).await?;
                Err(Problem::new(ProblemCode::InvalidCredentials))
            }
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Session")]
impl SessionApi {
    /// Log in.
    ///
    /// After five wrong passwords the account is locked for a time that grows with each further one.
    #[oai(path = "/login", method = "post", operation_id = "logIn")]
    async fn log_in(&self, StrictJson(request): StrictJson<LoginRequest>) -> Result<Json<LoginAnswer>, Problem> {
        let mut violations = Vec::new();
        let email = request.email.parse("email", &mut violations);
        let password = request.password.parse("password", &mut violations);
        let (Some(email), Some(password)) = (email, password) else {
            return Err(Problem::validation_failed(violations));
        };
        let account = self.check(&email, password).await?;
        let caller = Caller {
            user_id: account.user_id,
            facility_id: account.facility_id,
            role: account.role,
            session_id: Uuid::now_v7(),
        };
        Ok(Json(LoginAnswer {
            access_token: self.tokens.issue(&caller)?,
            token_type: TokenType::Bearer,
            expires_in: self.tokens.lifetime().as_secs(),
            user: account.into(),
        }))
    }

    /// Who is logged in?
    #[oai(path = "/me", method = "get", operation_id = "whoAmI")]
    async fn me(&self, caller: Caller) -> Result<Json<UserDocument>, Problem> {
        let account = self.accounts.by_id(caller.user_id).await?.filter(|account| account.active);
        let account = account.ok_or_else(|| Problem::new(ProblemCode::InvalidToken))?;
        Ok(Json(account.into()))
    }

    /// The public keys of access tokens
    ///
    /// With these, other services can verify a token by the `kid` in its footer.
    #[oai(path = "/keys", method = "get", operation_id = "listTokenKeys")]
    async fn token_keys(&self) -> Result<Json<KeysDocument>, Problem> {
        let keys = self.tokens.published_keys().into_iter();
        let keys = keys.map(|key| KeyDocument { kid: key.kid, paserk: key.paserk }).collect();
        Ok(Json(KeysDocument { keys }))
    }
}
