//! Staff: who works in the practice ([`UsersApi`]), and their links and sessions ([`UserAccountsApi`]). Whoever administers
//! them gives roles and links, never passwords.

mod documents;
mod input;
mod links;
pub(super) mod list;
mod outcome;
pub(crate) mod user_accounts;

use commands::CommandContext;
use domain::ids::UserId;
use domain::role::{Area, Role};
use domain::user::{UserCommand, UserStatus};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use self::documents::{UserDocument, UserWithLinkDocument};
use self::input::{AdmissionInput, RoleInput, UserInput, UserRegistrationInput};
use self::links::Bearer;
use self::list::{UserListDocument, Wanted, page_start};
use self::outcome::{refusal, view};
pub use self::user_accounts::UserAccountsApi;
use crate::desk::StaffDesk;
use accounts::Auth;
use accounts::one_time_links::LinkPurpose;
use frame::answers::{Changed, Created, Listed, Read};
use frame::auth::Caller;
use frame::pagination::{Cursor, PageLimit, PageNumber, PageRequest};
use frame::parameter::{SearchText, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Creating, Fetching, Received, Revising, Stepping};
use frame::strict_json::StrictJson;
use frame::unparsed_code::UnparsedCode;
use frame::written_json::WrittenJson;
use policies::account_mail::AccountMail;
use service::Chapter;

/// The operations on who works in the practice.
pub struct UsersApi {
    desk: StaffDesk,
    auth: Auth,
    mail: AccountMail,
}

impl UsersApi {
    /// Over this state, with what makes links.
    pub const fn new(desk: StaffDesk, auth: Auth, mail: AccountMail) -> Self {
        Self { desk, auth, mail }
    }

    async fn change(
        &self,
        id: Path<StrictUuid>,
        command: &UserCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<Changed<UserDocument>, Problem> {
        let executed = self.desk.commands.change_user(UserId(id.0.0), command, context).await.map_err(refusal)?;
        self.auth.take_up(executed.position).await;
        let settled = self.desk.settle(executed.position, received).await;
        let document = view(&executed)?.document().map_err(|error| Problem::internal(&error))?;
        Ok(Changed::now(WrittenJson::stored(document), executed.after.shown_version, settled))
    }
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
        caller: Caller,
    ) -> Result<Listed<UserListDocument>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let wanted = Wanted {
            search: search.0,
            role: role.0.map(|role| role.parameter("role")).transpose()?,
            status: status.0.map(|status| status.parameter("status")).transpose()?,
        };
        let start = page_start(&request)?;
        let found = self.desk.users.list(caller.facility_id, &wanted.filter(), &start, request.limit.0).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let link = wanted.links(&request, &found, next.as_ref());
        Ok(Listed::page(UserListDocument::written(&found, next.as_ref())?, link))
    }

    /// Register a member of staff
    ///
    /// And invite them: the answer holds, once, the token of a link by which they choose their first password
    /// (`POST auth/password/accept`), good for a week. Repeated under its `Idempotency-Key`, the request answers without
    /// it; `POST users/{id}/invite` then makes another. An e-mail that somebody has already is refused with 409.
    #[oai(path = "/", method = "post", operation_id = "registerUser")]
    async fn register(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<UserRegistrationInput>,
    ) -> Result<Created<UserWithLinkDocument>, Problem> {
        let (role, details) = input.parse()?;
        let once = asked.context(None, &input);
        let context = CommandContext { idempotency: None, ..once.clone() };
        let id = UserId(Uuid::now_v7());
        let registered = self.desk.commands.register_user(id, role, &details, &once).await.map_err(refusal)?;
        let (mut position, mut link) = (registered.position, None);
        if !registered.replayed {
            let bearer = Bearer::Caller(&self.mail);
            let invited = links::make(&self.desk, &self.auth, id, LinkPurpose::Invitation, &context, bearer).await?;
            (position, link) = (invited.executed.position, invited.link);
        }
        let settled = self.desk.settle(position, &asked).await;
        let document = UserWithLinkDocument::written(&view(&registered)?, link)?;
        let path = format!("/api/v1/users/{}", registered.id);
        Ok(Created::at(path, document, registered.after.shown_version, settled))
    }

    /// Read a member of staff
    #[oai(path = "/:id", method = "get", operation_id = "readUser")]
    async fn read(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Fetching,
    ) -> Result<Read<UserDocument>, Problem> {
        let found = self.desk.users.get(asked.facility_id, UserId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        Read::of(&asked, found.version, || Ok(WrittenJson::stored(found.document)))
    }

    /// Revise a member of staff
    ///
    /// Replaces everything that is known: what is left out is known no more. Another e-mail is the one to log in with from
    /// then on. The role has an operation of its own.
    #[oai(path = "/:id", method = "put", operation_id = "reviseUser")]
    async fn revise(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Revising,
        StrictJson(input): StrictJson<UserInput>,
    ) -> Result<Changed<UserDocument>, Problem> {
        asked.conditional()?;
        let (details, reason) = input.parse()?;
        let context = asked.context(reason.as_ref(), &input);
        self.change(id, &UserCommand::ChangeProfile { details }, &context, &asked).await
    }

    /// Give a member of staff another role
    ///
    /// What they may do changes within a second, in the sessions that they have. The practice keeps at least one
    /// administrator who can log in.
    #[oai(path = "/:id/role", method = "post", operation_id = "assignRole")]
    async fn assign_role(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<RoleInput>,
    ) -> Result<Changed<UserDocument>, Problem> {
        let (role, reason) = input.parse()?;
        let context = asked.context(Some(&reason), &input);
        self.change(id, &UserCommand::AssignRole { role }, &context, &asked).await
    }

    /// Suspend a member of staff
    ///
    /// Their sessions end within a second, and they cannot log in. The practice keeps at least one administrator who can.
    #[oai(path = "/:id/suspend", method = "post", operation_id = "suspendUser")]
    async fn suspend(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<AdmissionInput>,
    ) -> Result<Changed<UserDocument>, Problem> {
        let reason = input.parse()?;
        let context = asked.context(Some(&reason), &input);
        self.change(id, &UserCommand::SuspendUser, &context, &asked).await
    }

    /// Reinstate a suspended member of staff
    ///
    /// With the role and the password that they had. Sessions that the suspension ended stay ended.
    #[oai(path = "/:id/reinstate", method = "post", operation_id = "reinstateUser")]
    async fn reinstate(
        &self,
        /// The member of staff.
        id: Path<StrictUuid>,
        asked: Stepping,
        StrictJson(input): StrictJson<AdmissionInput>,
    ) -> Result<Changed<UserDocument>, Problem> {
        let reason = input.parse()?;
        let context = asked.context(Some(&reason), &input);
        self.change(id, &UserCommand::ReinstateUser, &context, &asked).await
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::StreamVersion;
    use domain::personal::Revealed;
    use domain::user::User;
    use frame::written_json::declares;
    use jiff::Timestamp;
    use projections::users::{UserPage, UserView};
    use projections_engine::stored::Stored;
    use serde_json::json;

    use super::*;

    /// Members of staff of whom everything, little and nothing personal is known.
    fn views() -> [UserView; 3] {
        let anais: User = serde_json::from_value(json!({
            "role": "doctor",
            "profession": {"rppsNumber": "10002909371", "adeliNumber": "2A1234567", "specialties": ["SM54"]},
            "profile": {
                "lastName": "Le Goff", "firstName": "Anaïs", "email": "Anais.LeGoff@exemple.fr", "phone": "+33261910020",
            },
            "hasPassword": true, "mfaEnabled": true, "suspended": false,
        }))
        .unwrap();
        let little_known: User = serde_json::from_value(json!({
            "role": "secretary", "profession": {}, "hasPassword": false, "mfaEnabled": false, "suspended": false,
            "profile": {"lastName": "Roy", "firstName": "Léa", "email": "lea@exemple.fr"},
        }))
        .unwrap();
        let forgotten = User { profile: Revealed::Forgotten, suspended: true, ..anais.clone() };
        [anais, little_known, forgotten].map(|user| {
            let (id, moment) = (UserId(Uuid::nil()), Timestamp::UNIX_EPOCH);
            UserView::of(id, &user, StreamVersion::from(3), moment, moment).unwrap()
        })
    }

    #[test]
    fn a_stored_member_of_staff_is_the_document_that_the_api_declares() {
        for view in views() {
            let stored = view.document().unwrap();
            assert_eq!(declares::<UserDocument>(stored.get()), Ok(()), "{stored}");
            let with_link = UserWithLinkDocument::written(&view, None).unwrap();
            assert_eq!(declares::<UserWithLinkDocument>(with_link.as_str()), Ok(()), "{}", with_link.as_str());
        }
    }

    #[test]
    fn a_page_of_stored_members_of_staff_is_the_list_that_the_api_declares() {
        let stored = |view: UserView| Stored { id: view.id, version: view.version, document: view.document().unwrap() };
        let page = UserPage { items: views().map(stored).into(), total: 3, offset: 0, next: None };
        for next in [None, Cursor::of(&json!(7))] {
            let written = UserListDocument::written(&page, next.as_ref()).unwrap();
            assert_eq!(declares::<UserListDocument>(written.as_str()), Ok(()), "{}", written.as_str());
        }
    }
}
