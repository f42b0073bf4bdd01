//! A forgotten password: a link to its owner, by e-mail. The answer and its time tell nothing of whether anybody has the
//! address: everything is done later.

use poem::Request;
use poem_openapi::OpenApi;
use policies::account_mail::AccountMail;

use super::documents::ForgottenPassword;
use super::origin;
use frame::answers::Done;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::strict_json::StrictJson;
use service::Chapter;

/// The operation.
pub struct ForgottenPasswordsApi {
    mail: AccountMail,
}

impl ForgottenPasswordsApi {
    /// With what sends e-mails.
    pub const fn new(mail: AccountMail) -> Self {
        Self { mail }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[("forgotPassword", Permission::Public)];

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Session")]
impl ForgottenPasswordsApi {
    /// Ask for another password
    ///
    /// If somebody logs in with this address, they get an e-mail with a link, good for an hour; at most one in a quarter of
    /// an hour. The answer is the same if nobody does. The present password goes on until the link is used.
    #[oai(path = "/password/forgot", method = "post", operation_id = "forgotPassword")]
    async fn forgot(
        &self,
        request: &Request,
        StrictJson(body): StrictJson<ForgottenPassword>,
    ) -> Result<Done, Problem> {
        let mut violations = Vec::new();
        let Some(email) = body.email.parse("email", &mut violations) else {
            return Err(Problem::validation_failed(violations));
        };
        if !self.mail.is_there() {
            let why = "This server sends no e-mail. Ask an administrator of the practice for a reset.";
            return Err(Problem::new(ProblemCode::InvalidState).because(why));
        }
        self.mail.forgotten(email, origin(request));
        Ok(Done::Done)
    }
}
