//! One's own password and second factor, and the fresh proof of identity that changing them needs.

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::payload::Json;
use zeroize::Zeroizing;

use super::documents::{CodeProof, Enrollment, LinkAcceptance, PasswordChange, RecoveryCodes, StepUp};
use super::origin;
use crate::desk::StaffDesk;
use accounts::Auth;
use accounts::credentials::Proof;
use frame::answers::Done;
use frame::auth::Caller;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, Violation};
use frame::strict_json::StrictJson;
use frame::unparsed::parse_optional;
use service::Chapter;

/// The operations.
pub struct CredentialsApi {
    desk: StaffDesk,
    auth: Auth,
}

impl CredentialsApi {
    /// With what decides who comes in; what it changes is awaited in the read models of this state.
    pub const fn new(desk: StaffDesk, auth: Auth) -> Self {
        Self { desk, auth }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    // The present password is the proof.
    ("changePassword", Permission::SignedIn),
    ("acceptLink", Permission::Public),
    ("stepUp", Permission::SignedIn),
    ("enrollSecondFactor", Permission::FreshlyProved),
    ("confirmSecondFactor", Permission::FreshlyProved),
    ("dropSecondFactor", Permission::FreshlyProved),
];

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Session")]
impl CredentialsApi {
    /// Change one's password
    ///
    /// All other sessions of the account end.
    #[oai(path = "/password", method = "post", operation_id = "changePassword")]
    async fn change_password(
        &self,
        request: &Request,
        caller: Caller,
        StrictJson(body): StrictJson<PasswordChange>,
    ) -> Result<Done, Problem> {
        let mut violations = Vec::new();
        let current = body.current_password.parse("currentPassword", &mut violations);
        let new = body.new_password.parse("newPassword", &mut violations);
        let (Some(current), Some(new)) = (current, new) else {
            return Err(Problem::validation_failed(violations));
        };
        self.auth.change_password(&caller, current.into(), new, &origin(request)).await?;
        Ok(Done::Done)
    }

    /// Choose a password by a link
    ///
    /// With the one-time link of an invitation (good for a week) or of a reset (good for an hour). All sessions of the
    /// account end.
    #[oai(path = "/password/accept", method = "post", operation_id = "acceptLink")]
    async fn accept_link(
        &self,
        request: &Request,
        StrictJson(body): StrictJson<LinkAcceptance>,
    ) -> Result<Done, Problem> {
        let mut violations = Vec::new();
        let token = body.token.parse("token", &mut violations);
        let new = body.new_password.parse("newPassword", &mut violations);
        let (Some(token), Some(new)) = (token, new) else {
            return Err(Problem::validation_failed(violations));
        };
        let position = self.auth.accept_link(&Zeroizing::from(token), new, &origin(request)).await?;
        self.desk.shown(position).await;
        Ok(Done::Done)
    }

    /// Prove again who one is
    ///
    /// With the password or with a code of the second factor. For five minutes, the session may then do what needs it.
    #[oai(path = "/step-up", method = "post", operation_id = "stepUp")]
    async fn step_up(
        &self,
        request: &Request,
        caller: Caller,
        StrictJson(body): StrictJson<StepUp>,
    ) -> Result<Done, Problem> {
        let mut violations = Vec::new();
        let password = parse_optional(body.password.as_ref(), "password", &mut violations);
        let otp = parse_optional(body.otp.as_ref(), "otp", &mut violations);
        let proof = match (password, otp) {
            (Some(password), None) if violations.is_empty() => Proof::Password(password.into()),
            (None, Some(code)) if violations.is_empty() => Proof::Code(code.into()),
            _ => {
                if violations.is_empty() {
                    violations.push(Violation::new("password", "one_of", "Exactly one of password and otp is needed."));
                }
                return Err(Problem::validation_failed(violations));
            }
        };
        self.auth.step_up(&caller, proof, &origin(request)).await?;
        Ok(Done::Done)
    }

    /// Set up a second factor
    ///
    /// Returns the secret for an authenticator app. It counts when its first code is confirmed, within 15 minutes; until
    /// then a former device goes on.
    #[oai(path = "/mfa/enroll", method = "post", operation_id = "enrollSecondFactor")]
    async fn enroll(&self, caller: Caller) -> Result<Json<Enrollment>, Problem> {
        let secret = self.auth.enroll_second_factor(&caller).await?;
        let account = caller.user_id.to_string();
        Ok(Json(Enrollment { secret: (*secret.to_base32()).clone(), uri: (*secret.to_uri(&account)).clone() }))
    }

    /// Confirm a second factor
    ///
    /// From now on a login needs its code. Returns ten recovery codes; former ones are void. All other sessions end.
    #[oai(path = "/mfa/confirm", method = "post", operation_id = "confirmSecondFactor")]
    async fn confirm(
        &self,
        request: &Request,
        caller: Caller,
        StrictJson(body): StrictJson<CodeProof>,
    ) -> Result<Json<RecoveryCodes>, Problem> {
        let mut violations = Vec::new();
        let Some(code) = body.otp.parse("otp", &mut violations) else {
            return Err(Problem::validation_failed(violations));
        };
        let (codes, position) =
            self.auth.confirm_second_factor(&caller, &Zeroizing::from(code), &origin(request)).await?;
        self.desk.shown(position).await;
        Ok(Json(RecoveryCodes { recovery_codes: codes.iter().map(|code| (**code).clone()).collect() }))
    }

    /// Drop one's second factor
    ///
    /// Not where the practice requires one of the role. All other sessions end.
    #[oai(path = "/mfa", method = "delete", operation_id = "dropSecondFactor")]
    async fn drop_second_factor(&self, request: &Request, caller: Caller) -> Result<Done, Problem> {
        let position = self.auth.drop_second_factor(&caller, &origin(request)).await?;
        self.desk.shown(position).await;
        Ok(Done::Done)
    }
}
