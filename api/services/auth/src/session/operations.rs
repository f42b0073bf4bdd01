//! Logging in, going on, logging out, and the sessions there are.

use domain::role::Area;
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use zeroize::Zeroizing;

use super::documents::{
    KeyDocument, KeysDocument, LoginAnswer, LoginRequest, RefreshRequest, SessionDocument, SessionList, UserDocument,
};
use super::origin;
use accounts::Auth;
use accounts::login::GivenCredentials;
use frame::answers::Done;
use frame::auth::Caller;
use frame::parameter::StrictUuid;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::strict_json::StrictJson;
use frame::unparsed::parse_optional;
use service::Chapter;

/// The operations.
pub struct SessionApi {
    auth: Auth,
}

impl SessionApi {
    /// With what decides who comes in.
    pub const fn new(auth: Auth) -> Self {
        Self { auth }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("logIn", Permission::Public),
    ("refreshTokens", Permission::Public),
    ("logOut", Permission::SignedIn),
    ("whoAmI", Permission::SignedIn),
    ("listSessions", Permission::SignedIn),
    ("endOtherSessions", Permission::FreshlyProved),
    // One's own; another's is for those who may change accounts, which the operation sees to.
    ("endSession", Permission::FreshlyProved),
    ("listTokenKeys", Permission::Public),
];

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Session")]
impl SessionApi {
    /// Log in.
    ///
    /// With a second factor, the first answer is `second_factor_required`; the same request then carries `otp` as well.
    /// After five wrong passwords the account is locked for a time that grows with each further one, but not for who calls
    /// from where this account logged in before, or with the `device_token` of a device on which it did. A new password
    /// lifts the lock, and so does an administrator.
    #[oai(path = "/login", method = "post", operation_id = "logIn")]
    async fn log_in(
        &self,
        request: &Request,
        StrictJson(body): StrictJson<LoginRequest>,
    ) -> Result<Json<LoginAnswer>, Problem> {
        let mut violations = Vec::new();
        let email = body.email.parse("email", &mut violations);
        let password = body.password.parse("password", &mut violations);
        let otp = parse_optional(body.otp.as_ref(), "otp", &mut violations);
        let device = parse_optional(body.device_token.as_ref(), "device_token", &mut violations);
        let (Some(email), Some(password), true) = (email, password, violations.is_empty()) else {
            return Err(Problem::validation_failed(violations));
        };
        let given = GivenCredentials { email, password: password.into(), otp: otp.map(Zeroizing::from), device };
        let admission = self.auth.log_in(given, &origin(request)).await?;
        Ok(Json(admission.into()))
    }

    /// Go on with new tokens
    ///
    /// Each refresh token is good once. Within ten seconds the same one gets the same answer again, in case the first was
    /// lost; later somebody else has a copy of it, and the session ends.
    #[oai(path = "/refresh", method = "post", operation_id = "refreshTokens")]
    async fn refresh(
        &self,
        request: &Request,
        StrictJson(body): StrictJson<RefreshRequest>,
    ) -> Result<Json<LoginAnswer>, Problem> {
        let mut violations = Vec::new();
        let Some(token) = body.refresh_token.parse("refresh_token", &mut violations) else {
            return Err(Problem::validation_failed(violations));
        };
        let token = Zeroizing::from(token);
        Ok(Json(self.auth.refresh(&token, &origin(request)).await?.into()))
    }

    /// Log out
    ///
    /// Ends the session of the token. Neither of its tokens is accepted any more, on any server.
    #[oai(path = "/logout", method = "post", operation_id = "logOut")]
    async fn log_out(&self, request: &Request, caller: Caller) -> Result<Done, Problem> {
        self.auth.log_out(&caller, &origin(request)).await?;
        Ok(Done::Done)
    }

    /// Who is logged in?
    #[oai(path = "/me", method = "get", operation_id = "whoAmI")]
    async fn me(&self, caller: Caller) -> Result<Json<UserDocument>, Problem> {
        let account = self.auth.account_of(&caller).await?;
        let permissions = self.auth.state().permissions(account.facility_id, account.role);
        Ok(Json(UserDocument::of(account, &permissions)))
    }

    /// One's own sessions
    #[oai(path = "/sessions", method = "get", operation_id = "listSessions")]
    async fn list_sessions(&self, caller: Caller) -> Result<Json<SessionList>, Problem> {
        let sessions = self.auth.sessions.of_user(caller.user_id).await?.into_iter();
        let sessions = sessions.map(|session| SessionDocument::of(session, caller.session_id)).collect();
        Ok(Json(SessionList { sessions }))
    }

    /// End all one's other sessions
    #[oai(path = "/sessions", method = "delete", operation_id = "endOtherSessions")]
    async fn end_other_sessions(&self, request: &Request, caller: Caller) -> Result<Done, Problem> {
        self.auth.revoke_others(&caller, &origin(request)).await?;
        Ok(Done::Done)
    }

    /// End a session
    ///
    /// One's own, or, for those who may change users, anybody's in the practice.
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "endSession")]
    async fn end_session(
        &self,
        request: &Request,
        caller: Caller,
        /// The session.
        id: Path<StrictUuid>,
    ) -> Result<Done, Problem> {
        let permissions = self.auth.state().permissions(caller.facility_id, caller.role);
        let administers = permissions.access(Area::Users).may_write();
        let ended = self.auth.revoke(&caller, id.0.0, administers, &origin(request)).await?;
        if ended { Ok(Done::Done) } else { Err(Problem::not_found("session")) }
    }

    /// The public keys of access tokens
    ///
    /// With these, other services can verify a token by the `kid` in its footer. A new key stands here before it signs.
    #[oai(path = "/keys", method = "get", operation_id = "listTokenKeys")]
    async fn token_keys(&self) -> Result<Json<KeysDocument>, Problem> {
        let keys = self.auth.tokens.published_keys().into_iter();
        let keys = keys.map(|key| KeyDocument { kid: key.kid, paserk: key.paserk }).collect();
        Ok(Json(KeysDocument { keys }))
    }
}
