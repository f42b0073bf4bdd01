//! What an administrator does about the account of a member of staff: another link to choose a password by, an end to their
//! sessions, and to a second factor that was lost. Nobody sees or chooses the password of somebody else.

use domain::ids::UserId;
use domain::role::Area;
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;

use super::answers::{Dropped, Ended, Linked};
use super::documents::{UserSessionDocument, UserSessionListDocument, UserWithLinkDocument};
use super::{document, links, tag};
use crate::desk::StaffDesk;
use crate::session::origin;
use accounts::Auth;
use accounts::one_time_links::LinkPurpose;
use frame::auth::Caller;
use frame::command::{ChangeReason, UnderConditions, command_context};
use frame::parameter::{IdempotencyKey, Prefer, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use service::Chapter;

/// The operations on the accounts of staff.
pub struct UserAccountsApi {
    desk: StaffDesk,
    auth: Auth,
}

impl UserAccountsApi {
    /// Over this state, with what makes links and ends sessions.
    pub const fn new(desk: StaffDesk, auth: Auth) -> Self {
        Self { desk, auth }
    }

    /// 404 unless this is a member of staff of the caller's practice.
    async fn must_be_known(&self, caller: &Caller, user: UserId) -> Result<(), Problem> {
        let known = self.desk.users.get(caller.facility_id, user).await?;
        known.map(|_| ()).ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
    }

    async fn link(
        &self,
        request: &Request,
        caller: &Caller,
        user: UserId,
        purpose: LinkPurpose,
        key: Option<&IdempotencyKey>,
        prefer: Option<Prefer>,
    ) -> Result<Linked, Problem> {
        let context = command_context(caller, request, None).once(key, request, &String::new());
        let made = links::make(&self.desk, &self.auth, user, purpose, &context).await?;
        let executed = made.executed;
        let preference = self.desk.settle(executed.position, prefer).await;
        let body = UserWithLinkDocument { user: document(&executed)?, link: made.link.map(Into::into) };
        let position = executed.position.map(|position| position.to_string());
        Ok(Linked::Made(Json(body), tag(&executed), position, preference))
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("inviteUser", Permission::Write(Area::Users)),
    ("startPasswordReset", Permission::Write(Area::Users)),
    ("dropUserSecondFactor", Permission::Write(Area::Users)),
    // From where a colleague works is nobody else's business.
    ("listUserSessions", Permission::Write(Area::Users)),
    ("endUserSession", Permission::Write(Area::Users)),
];

#[OpenApi(prefix_path = "/api/v1/users", tag = "Chapter::Staff")]
impl UserAccountsApi {
    /// Invite a member of staff again
    ///
    /// Who has not chosen a password yet. Answers, once, the token of a new link, good for a week; former ones are void.
    #[oai(path = "/:id/invite", method = "post", operation_id = "inviteUser")]
    async fn invite(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// Under which the request may be repeated; a repetition answers without the token.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Linked, Problem> {
        let (user, key) = (UserId(id.0.0), idempotency_key.0.as_ref());
        self.link(request, &caller, user, LinkPurpose::Invitation, key, prefer.0).await
    }

    /// Start a reset of a password
    ///
    /// Answers, once, the token of a link by which the member of staff chooses another password, good for an hour; former
    /// ones are void. Until it is used, the present password goes on. Needs a proof of identity of the last five minutes
    /// (`POST auth/step-up`).
    #[oai(path = "/:id/password-reset", method = "post", operation_id = "startPasswordReset")]
    async fn reset_password(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// Under which the request may be repeated; a repetition answers without the token.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Linked, Problem> {
        self.auth.require_step_up(&caller).await?;
        let (user, key) = (UserId(id.0.0), idempotency_key.0.as_ref());
        self.link(request, &caller, user, LinkPurpose::Reset, key, prefer.0).await
    }

    /// Drop the lost second factor of a member of staff
    ///
    /// Their sessions end within a second, and they log in with their password alone; where the practice requires a second
    /// factor of their role, they set up another before anything else. One's own is dropped at `DELETE auth/mfa`. Needs a
    /// proof of identity of the last five minutes (`POST auth/step-up`).
    #[oai(path = "/:id/mfa", method = "delete", operation_id = "dropUserSecondFactor")]
    async fn drop_second_factor(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// Why. Required.
        #[oai(name = "X-Change-Reason")]
        reason: Header<ChangeReason>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
    ) -> Result<Dropped, Problem> {
        self.auth.require_step_up(&caller).await?;
        let user = UserId(id.0.0);
        self.must_be_known(&caller, user).await?;
        if user == caller.user_id {
            let why = "One's own second factor is dropped at DELETE auth/mfa.";
            return Err(Problem::new(ProblemCode::PermissionDenied).because(why));
        }
        let context = command_context(&caller, request, Some(&reason.0.into()));
        let dropped = self.auth.drop_lost_second_factor(user, &caller, &context, &origin(request)).await;
        let position = dropped?;
        let preference = self.desk.settle(position, prefer.0).await;
        Ok(Dropped::Dropped(position.map(|position| position.to_string()), preference))
    }

    /// The sessions of a member of staff
    ///
    /// Those that go on, for those who may change users: from where a colleague works is nobody else's business.
    #[oai(path = "/:id/sessions", method = "get", operation_id = "listUserSessions")]
    async fn list_sessions(
        &self,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
    ) -> Result<Json<UserSessionListDocument>, Problem> {
        let user = UserId(id.0.0);
        self.must_be_known(&caller, user).await?;
        let sessions = self.auth.sessions.of_user(user).await?;
        Ok(Json(UserSessionListDocument { items: sessions.into_iter().map(UserSessionDocument::from).collect() }))
    }

    /// End a session of a member of staff
    ///
    /// Neither of its tokens is accepted any more, within a second on every server.
    #[oai(path = "/:id/sessions/:sessionId", method = "delete", operation_id = "endUserSession")]
    async fn end_session(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The session.
        #[oai(name = "sessionId")]
        session_id: Path<StrictUuid>,
    ) -> Result<Ended, Problem> {
        let found = self.auth.sessions.find(session_id.0.0).await?;
        let theirs = found.is_some_and(|session| session.user_id == UserId(id.0.0));
        let ended = theirs && self.auth.revoke(&caller, session_id.0.0, true, &origin(request)).await?;
        if ended { Ok(Ended::Ended) } else { Err(Problem::new(ProblemCode::ResourceNotFound)) }
    }
}
