//! The practice that the caller works in: what it is, what it decided about the accounts of its staff, and what each role
//! may do in it.

use std::collections::BTreeSet;

use commands::{CommandContext, Executed};
use domain::facility::{Facility, FacilityCommand, FacilitySettings};
use domain::ids::FacilityId;
use domain::permissions::Permissions;
use domain::role::{Area, Role};
use domain::values::{Reason, RuleBroken};
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use projections::facilities::FacilityView;
use serde::Deserialize;
use uuid::Uuid;

use super::roles::{PermissionsDocument, RoleName};
use crate::desk::StaffDesk;
use frame::answers::{Changed, Read};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Fetching, Received, Revising};
use frame::strict_json::StrictJson;
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// The operations.
pub struct FacilitiesApi {
    desk: StaffDesk,
}

/// A practice or clinic.
#[derive(Object)]
#[oai(rename = "Facility", rename_all = "camelCase", skip_serializing_if_is_none)]
struct FacilityDocument {
    id: Uuid,
    name: String,
    /// The number in the national register of establishments.
    finess: Option<String>,
    /// The IANA time zone in which wall-clock times are meant.
    time_zone: String,
    /// The version of the practice, as in the `ETag`.
    version: u64,
    settings: SettingsDocument,
    permissions: RolePermissionsDocument,
}

/// What a practice decided about the accounts of its staff.
#[derive(Object)]
#[oai(rename = "FacilitySettings", rename_all = "camelCase")]
struct SettingsDocument {
    /// After how many minutes without a request a session ends.
    idle_timeout_minutes: u16,
    /// The roles that log in with a second factor only.
    mfa_required_for: Vec<RoleName>,
}

/// What each role may do in the practice.
#[derive(Object)]
#[oai(rename = "RolePermissions")]
struct RolePermissionsDocument {
    doctor: PermissionsDocument,
    nurse: PermissionsDocument,
    secretary: PermissionsDocument,
    admin: PermissionsDocument,
    auditor: PermissionsDocument,
    dpo: PermissionsDocument,
}

impl From<FacilityView> for FacilityDocument {
    fn from(view: FacilityView) -> Self {
        let of = |role| {
            let decided = view.permissions.get(&role).copied();
            PermissionsDocument::from(&decided.unwrap_or_else(|| Permissions::default_of(role)))
        };
        let permissions = RolePermissionsDocument {
            doctor: of(Role::Doctor),
            nurse: of(Role::Nurse),
            secretary: of(Role::Secretary),
            admin: of(Role::Admin),
            auditor: of(Role::Auditor),
            dpo: of(Role::Dpo),
        };
        let settings = SettingsDocument {
            idle_timeout_minutes: view.settings.idle_timeout_minutes,
            mfa_required_for: view.settings.mfa_required_for.into_iter().map(RoleName::from).collect(),
        };
        Self {
            id: view.id.0,
            name: view.name,
            finess: view.finess,
            time_zone: view.time_zone,
            version: view.version.get(),
            settings,
            permissions,
        }
    }
}

/// The settings of a practice from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsInput {
    /// After how many minutes without a request a session ends.
    #[oai(validator(minimum(value = "5"), maximum(value = "720")))]
    idle_timeout_minutes: u16,
    /// The roles that log in with a second factor only, each once.
    #[oai(validator(unique_items))]
    mfa_required_for: Vec<UnparsedCode<Role>>,
    /// Why they change.
    reason: Option<Unparsed<Reason>>,
}

impl SettingsInput {
    fn parse(&self) -> Result<(FacilitySettings, Option<Reason>), Problem> {
        let mut violations = Vec::new();
        let mut mfa_required_for = BTreeSet::new();
        for (at, role) in self.mfa_required_for.iter().enumerate() {
            let field = format!("mfaRequiredFor[{at}]");
            let Some(role) = role.parse(&field, &mut violations) else { continue };
            if !mfa_required_for.insert(role) {
                violations.push(RuleBroken::new("duplicate_role", "The role is named before.").at(field).into());
            }
        }
        let settings = FacilitySettings { idle_timeout_minutes: self.idle_timeout_minutes, mfa_required_for };
        violations.extend(settings.check().err().map(Into::into));
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        if violations.is_empty() { Ok((settings, reason)) } else { Err(Problem::validation_failed(violations)) }
    }
}

/// What a role may do from now on, in all areas.
#[derive(Debug, Object, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
struct RolePermissionsInput {
    permissions: PermissionsDocument,
    /// Why they change.
    reason: Option<Unparsed<Reason>>,
}

impl RolePermissionsInput {
    fn parse(&self) -> Result<(Permissions, Option<Reason>), Problem> {
        let mut violations = Vec::new();
        let permissions = self.permissions.parse(&mut violations);
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        if violations.is_empty() { Ok((permissions, reason)) } else { Err(Problem::validation_failed(violations)) }
    }
}

impl FacilitiesApi {
    /// Over this desk.
    pub const fn new(desk: StaffDesk) -> Self {
        Self { desk }
    }

    async fn change(
        &self,
        command: &FacilityCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<Changed<FacilityDocument>, Problem> {
        let executed = self.desk.commands.change_facility(command, context).await?;
        let settled = self.desk.settle(executed.position, received).await;
        let version = executed.after.version;
        Ok(Changed::now(document(executed), version, settled))
    }
}

/// The document of the state that a command left.
fn document(executed: Executed<Facility>) -> FacilityDocument {
    FacilityView::of(FacilityId(executed.id), executed.after.aggregate, executed.after.version).into()
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("readCurrentFacility", Permission::SignedIn),
    ("changeFacilitySettings", Permission::Write(Area::Users)),
    ("changeRolePermissions", Permission::Write(Area::Users)),
];

#[OpenApi(prefix_path = "/api/v1/facilities", tag = "Chapter::Facilities")]
impl FacilitiesApi {
    /// Which practice do I work in?
    ///
    /// With its settings, and with what each role may do in it.
    #[oai(path = "/current", method = "get", operation_id = "readCurrentFacility")]
    async fn current(&self, asked: Fetching) -> Result<Read<FacilityDocument>, Problem> {
        let found = self.desk.facilities.get(asked.facility_id).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        Read::of(&asked, found.version, || Ok(FacilityDocument::from(found)))
    }

    /// Change the settings of the practice
    ///
    /// They hold within a second, in the sessions there are: one that began without the second factor that its role needs
    /// from now on can do nothing but set one up.
    #[oai(path = "/current/settings", method = "put", operation_id = "changeFacilitySettings")]
    async fn change_settings(
        &self,
        asked: Revising,
        StrictJson(input): StrictJson<SettingsInput>,
    ) -> Result<Changed<FacilityDocument>, Problem> {
        asked.conditional()?;
        let (settings, reason) = input.parse()?;
        let context = asked.context(reason.as_ref(), &input);
        self.change(&FacilityCommand::ChangeSettings { settings }, &context, &asked).await
    }

    /// Change what a role may do
    ///
    /// All areas at once. It holds within a second, in the sessions there are. Some bounds no practice moves: exports are
    /// the compliance officer's alone, who like the auditor never changes clinical content, and administrators keep their
    /// access to users.
    #[oai(path = "/current/permissions/:role", method = "put", operation_id = "changeRolePermissions")]
    async fn change_permissions(
        &self,
        /// The role.
        role: Path<UnparsedCode<Role>>,
        asked: Revising,
        StrictJson(input): StrictJson<RolePermissionsInput>,
    ) -> Result<Changed<FacilityDocument>, Problem> {
        asked.conditional()?;
        let role = role.0.parameter("role")?;
        let (permissions, reason) = input.parse()?;
        let context = asked.context(reason.as_ref(), &input);
        self.change(&FacilityCommand::ChangeRolePermissions { role, permissions }, &context, &asked).await
    }
}
