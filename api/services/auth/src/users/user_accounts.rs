//! What an administrator does about the account of a member of staff: another link to choose a password by, an end to their
//! sessions, to a second factor that was lost, and to a lock. Nobody sees or chooses the password of somebody else.

use domain::ids::UserId;
use domain::role::Area;
use domain::user::UserCommand;
use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::documents::{UserDocument, UserSessionDocument, UserSessionListDocument, UserWithLinkDocument};
use super::links::{self, Bearer};
use super::outcome::{refusal, view};
use crate::desk::StaffDesk;
use crate::session::origin;
use accounts::Auth;
use accounts::one_time_links::LinkPurpose;
use frame::answers::{Changed, Done};
use frame::auth::Caller;
use frame::command::ChangeReason;
use frame::declared_headers::Required;
use frame::parameter::{Prefer, StrictBool, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Asked, Creating, NO_BODY, Received};
use frame::written_json::WrittenJson;
use policies::account_mail::AccountMail;
use service::Chapter;

/// The operations on the accounts of staff.
pub struct UserAccountsApi {
    desk: StaffDesk,
    auth: Auth,
    mail: AccountMail,
}

impl UserAccountsApi {
    /// Over this state, with what makes links and ends sessions.
    pub const fn new(desk: StaffDesk, auth: Auth, mail: AccountMail) -> Self {
        Self { desk, auth, mail }
    }

    /// 404 unless this is a member of staff of the caller's practice.
    async fn must_be_known(&self, caller: &Caller, user: UserId) -> Result<(), Problem> {
        let known = self.desk.users.get(caller.facility_id, user).await?;
        known.map(|_| ()).ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
    }

    async fn link(
        &self,
        user: Path<StrictUuid>,
        purpose: LinkPurpose,
        received: &Received,
        bearer: Bearer<'_>,
    ) -> Result<Changed<UserWithLinkDocument>, Problem> {
        let context = received.context(None, &NO_BODY);
        let links::Made { executed, link } =
            links::make(&self.desk, &self.auth, UserId(user.0.0), purpose, &context, bearer).await?;
        let settled = self.desk.settle(executed.position, received).await;
        let document = UserWithLinkDocument::written(&view(&executed)?, link)?;
        Ok(Changed::now(document, executed.after.shown_version, settled))
    }
}

/// A second factor that was dropped.
#[derive(ApiResponse)]
enum Dropped {
    /// It is dropped.
    #[oai(status = 204)]
    Dropped(
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("inviteUser", Permission::Write(Area::Users)),
    ("startPasswordReset", Permission::Write(Area::Users)),
    ("dropUserSecondFactor", Permission::Write(Area::Users)),
    ("unlockUser", Permission::Write(Area::Users)),
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
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Creating,
    ) -> Result<Changed<UserWithLinkDocument>, Problem> {
        self.link(id, LinkPurpose::Invitation, &asked, Bearer::Caller(&self.mail)).await
    }

    /// Start a reset of a password
    ///
    /// Sends the member of staff an e-mail with a link by which they choose another password, good for an hour; former ones are
    /// void. Until it is used, the present password goes on. Where the server sends no e-mail, or with `handOut`, the answer
    /// holds the token of the link, once, to be handed to its owner; owner and compliance officer are told of that.
    #[oai(path = "/:id/password-reset", method = "post", operation_id = "startPasswordReset")]
    async fn reset_password(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// Whether the answer is to hold the link, also where it could be sent to its owner.
        #[oai(name = "handOut")]
        hand_out: Query<Option<StrictBool>>,
        asked: Creating,
    ) -> Result<Changed<UserWithLinkDocument>, Problem> {
        let hand_out = hand_out.0.is_some_and(|hand_out| hand_out.0) || !self.mail.is_there();
        let bearer = if hand_out { Bearer::Caller(&self.mail) } else { Bearer::Owner(&self.mail) };
        self.link(id, LinkPurpose::Reset, &asked, bearer).await
    }

    /// Drop the lost second factor of a member of staff
    ///
    /// Their sessions end within a second, and they log in with their password alone; where the practice requires a second
    /// factor of their role, they set up another before anything else. One's own is dropped at `DELETE auth/mfa`.
    #[oai(path = "/:id/mfa", method = "delete", operation_id = "dropUserSecondFactor")]
    async fn drop_second_factor(
        &self,
        request: &Request,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Asked<(Required<ChangeReason>, Prefer)>,
    ) -> Result<Dropped, Problem> {
        let user = UserId(id.0.0);
        self.must_be_known(asked.caller(), user).await?;
        if user == asked.user_id {
            let why = "One's own second factor is dropped at DELETE auth/mfa.";
            return Err(Problem::new(ProblemCode::PermissionDenied).because(why));
        }
        let context = asked.context(asked.change_reason().as_ref(), &NO_BODY);
        let dropped = self.auth.drop_lost_second_factor(user, asked.caller(), &context, &origin(request)).await;
        let (position, preference) = self.desk.settle(dropped?, &asked).await.into_headers();
        Ok(Dropped::Dropped(position, preference))
    }

    /// Lift the lock of an account
    ///
    /// After wrong passwords: the member of staff may try again at once, from everywhere.
    #[oai(path = "/:id/unlock", method = "post", operation_id = "unlockUser")]
    async fn unlock(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Creating,
    ) -> Result<Changed<UserDocument>, Problem> {
        let (user, context) = (UserId(id.0.0), asked.context(None, &NO_BODY));
        let unlocked = self.desk.commands.change_user(user, &UserCommand::UnlockAccount, &context).await;
        let unlocked = unlocked.map_err(refusal)?;
        self.auth.lift_lock(user).await?;
        let settled = self.desk.settle(unlocked.position, &asked).await;
        let document = view(&unlocked)?.document().map_err(|error| Problem::internal(&error))?;
        Ok(Changed::now(WrittenJson::stored(document), unlocked.after.shown_version, settled))
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
    ) -> Result<Done, Problem> {
        let found = self.auth.sessions.find(session_id.0.0).await?;
        let theirs = found.is_some_and(|session| session.user_id == UserId(id.0.0));
        let ended = theirs && self.auth.revoke(&caller, session_id.0.0, true, &origin(request)).await?;
        if ended { Ok(Done::Done) } else { Err(Problem::new(ProblemCode::ResourceNotFound)) }
    }
}
