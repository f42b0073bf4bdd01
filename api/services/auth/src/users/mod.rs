//! Staff: who works in the practice ([`UsersApi`]), and their links and sessions ([`UserAccountsApi`]). Whoever administers
//! them gives roles and links, never passwords.

mod answers;
mod documents;
mod input;
mod links;
pub(super) mod list;
pub(crate) mod user_accounts;

use commands::{CommandContext, CommandError, Executed};
use domain::ids::UserId;
use domain::role::{Area, Role};
use domain::user::{User, UserCommand, UserError, UserStatus};
use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use projections::users::UserView;
use uuid::Uuid;

use self::answers::{Changed, Listed, Read, Registered};
use self::documents::{UserDocument, UserWithLinkDocument};
use self::input::{AdmissionInput, RoleInput, UserInput, UserRegistrationInput};
use self::list::{Asked, UserListDocument, page_start};
pub use self::user_accounts::UserAccountsApi;
use crate::desk::StaffDesk;
use accounts::Auth;
use accounts::one_time_links::LinkPurpose;
use frame::auth::Caller;
use frame::command::{UnderConditions, command_context};
use frame::conditional::{IfMatch, IfNoneMatch, etag};
use frame::pagination::{Cursor, PageLimit, PageNumber, PageRequest};
use frame::parameter::{IdempotencyKey, Prefer, SearchText, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Conflict, Problem, ProblemCode};
use frame::strict_json::StrictJson;
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// The operations on who works in the practice.
pub struct UsersApi {
    desk: StaffDesk,
    auth: Auth,
}

impl UsersApi {
    /// Over this state, with what makes links.
    pub const fn new(desk: StaffDesk, auth: Auth) -> Self {
        Self { desk, auth }
    }

    async fn change(
        &self,
        id: StrictUuid,
        command: &UserCommand,
        context: &CommandContext,
        prefer: Option<Prefer>,
    ) -> Result<Changed, Problem> {
        let executed = self.desk.commands.change_user(UserId(id.0), command, context).await.map_err(refusal)?;
        self.auth.take_up(executed.position).await;
        let preference = self.desk.settle(executed.position, prefer).await;
        let position = executed.position.map(|position| position.to_string());
        Ok(Changed::Now(Json(document(&executed)?), tag(&executed), position, preference))
    }
}

/// A refusal as a problem. Whose an e-mail address is stays untold: it may be somebody of another practice.
fn refusal(error: CommandError<UserError>) -> Problem {
    match error {
        CommandError::Reserved(_) => Problem::new(ProblemCode::Conflict).conflicting_with(vec![Conflict {
            resource_type: "user".to_owned(),
            rule: "same_email".to_owned(),
            fields: Some(vec!["email".to_owned()]),
            ..Conflict::default()
        }]),
        error => error.into(),
    }
}

/// The document of the state that a command left.
fn document(executed: &Executed<User>) -> Result<UserDocument, Problem> {
    let after = &executed.after;
    let view = after.recorded.and_then(|recorded| {
        let id = UserId(executed.id);
        UserView::of(id, &after.aggregate, after.shown_version, recorded.first, recorded.last)
    });
    view.map(UserDocument::from).ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
}

/// The `ETag` of the state that a command left.
fn tag(executed: &Executed<User>) -> String {
    etag(executed.after.shown_version)
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listUsers", Permission::Read(Area::Users)),
    ("registerUser", Permission::Write(Area::Users)),
    ("readUser", Permission::Read(Area::Users)),
    ("reviseUser", Permission::Write(Area::Users)),
    ("assignRole", Permission::Write(Area::Users)),
    ("suspendUser", Permission::Write(Area::Users)),
    ("reinstateUser", Permission::Write(Area::Users)),
];

#[OpenApi(prefix_path = "/api/v1/users", tag = "Chapter::Staff")]
impl UsersApi {
    /// List or search staff
    ///
    /// By family name and first name. Each word of `search` must begin a word of the names, the e-mail, or the RPPS or
    /// ADELI number, in any order, without regard to case and accents.
    #[oai(path = "/", method = "get", operation_id = "listUsers")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        caller: Caller,
        /// Words to find members of staff by.
        search: Query<Option<SearchText>>,
        /// Those of this role; of any if left out.
        role: Query<Option<UnparsedCode<Role>>>,
        /// Those of this status; of any if left out.
        status: Query<Option<UnparsedCode<UserStatus>>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many members of staff on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
    ) -> Result<Listed, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let asked = Asked {
            search: search.0,
            role: role.0.map(|role| role.parameter("role")).transpose()?,
            status: status.0.map(|status| status.parameter("status")).transpose()?,
        };
        let start = page_start(&request)?;
        let found = self.desk.users.list(caller.facility_id, &asked.filter(), &start, request.limit.0).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let link = asked.links(&request, &found, next.as_ref());
        Ok(Listed::Page(Json(UserListDocument::new(&found, next.as_ref())?), link))
    }

    /// Register a member of staff
    ///
    /// And invite them: the answer holds, once, the token of a link by which they choose their first password
    /// (`POST auth/password/accept`), good for a week. Repeated under its `Idempotency-Key`, the request answers without
    /// it; `POST users/{id}/invite` then makes another. An e-mail that somebody has already is refused with 409.
    #[oai(path = "/", method = "post", operation_id = "registerUser")]
    async fn register(
        &self,
        request: &Request,
        caller: Caller,
        /// Under which the request may be repeated without registering twice.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<UserRegistrationInput>,
    ) -> Result<Registered, Problem> {
        let (role, details) = input.parse()?;
        let context = command_context(&caller, request, None);
        let once = context.clone().once(idempotency_key.0.as_ref(), request, &input);
        let id = UserId(Uuid::now_v7());
        let registered = self.desk.commands.register_user(id, role, &details, &once).await.map_err(refusal)?;
        let (mut position, mut link) = (registered.position, None);
        if !registered.replayed {
            let invited = links::make(&self.desk, &self.auth, id, LinkPurpose::Invitation, &context).await?;
            (position, link) = (invited.executed.position, invited.link);
        }
        let preference = self.desk.settle(position, prefer.0).await;
        Ok(Registered::Created(
            Json(UserWithLinkDocument { user: document(&registered)?, link: link.map(Into::into) }),
            format!("/api/v1/users/{}", registered.id),
            tag(&registered),
            position.map(|position| position.to_string()),
            preference,
        ))
    }

    /// Read a member of staff
    #[oai(path = "/:id", method = "get", operation_id = "readUser")]
    async fn read(
        &self,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The versions that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
    ) -> Result<Read, Problem> {
        let found = self.desk.users.view(caller.facility_id, UserId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let tag = etag(found.version);
        if if_none_match.0.is_some_and(|known| known.has(found.version)) {
            return Ok(Read::NotModified(tag));
        }
        Ok(Read::Found(Json(found.into()), tag))
    }

    /// Revise a member of staff
    ///
    /// Replaces everything that is known: what is left out is known no more. Another e-mail is the one to log in with from
    /// then on. The role has an operation of its own.
    #[oai(path = "/:id", method = "put", operation_id = "reviseUser")]
    async fn revise(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The version that is to be changed. Required.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<UserInput>,
    ) -> Result<Changed, Problem> {
        let condition = IfMatch::required(if_match.0)?;
        let (details, reason) = input.parse()?;
        let context = command_context(&caller, request, reason.as_ref()).if_match(Some(condition));
        self.change(id.0, &UserCommand::ChangeProfile { details }, &context, prefer.0).await
    }

    /// Give a member of staff another role
    ///
    /// What they may do changes within a second, in the sessions that they have. The practice keeps at least one
    /// administrator who can log in. Needs a proof of identity of the last five minutes (`POST auth/step-up`).
    #[oai(path = "/:id/role", method = "post", operation_id = "assignRole")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn assign_role(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The version that is to be changed.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<RoleInput>,
    ) -> Result<Changed, Problem> {
        self.auth.require_step_up(&caller).await?;
        let (role, reason) = input.parse()?;
        let context = command_context(&caller, request, Some(&reason)).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        self.change(id.0, &UserCommand::AssignRole { role }, &context, prefer.0).await
    }

    /// Suspend a member of staff
    ///
    /// Their sessions end within a second, and they cannot log in. The practice keeps at least one administrator who can.
    #[oai(path = "/:id/suspend", method = "post", operation_id = "suspendUser")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn suspend(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The version that is to be suspended.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<AdmissionInput>,
    ) -> Result<Changed, Problem> {
        let reason = input.parse()?;
        let context = command_context(&caller, request, Some(&reason)).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        self.change(id.0, &UserCommand::SuspendUser, &context, prefer.0).await
    }

    /// Reinstate a suspended member of staff
    ///
    /// With the role and the password that they had. Sessions that the suspension ended stay ended.
    #[oai(path = "/:id/reinstate", method = "post", operation_id = "reinstateUser")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn reinstate(
        &self,
        request: &Request,
        caller: Caller,
        /// The member of staff.
        id: Path<StrictUuid>,
        /// The version that is to be reinstated.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        /// Under which the request may be repeated.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<IdempotencyKey>>,
        /// `respond-async` to skip the wait for the read models.
        #[oai(name = "Prefer")]
        prefer: Header<Option<Prefer>>,
        StrictJson(input): StrictJson<AdmissionInput>,
    ) -> Result<Changed, Problem> {
        let reason = input.parse()?;
        let context = command_context(&caller, request, Some(&reason)).if_match(if_match.0);
        let context = context.once(idempotency_key.0.as_ref(), request, &input);
        self.change(id.0, &UserCommand::ReinstateUser, &context, prefer.0).await
    }
}
