//! Who may do what: every operation of the OpenAPI document with what it asks of its caller. A service gives the rows of
//! its operations where it mounts them. [`super::routes`] holds each request against them before anything of the operation
//! runs. A server whose operations and rows differ does not start: nobody can forget to say who may use an operation.

use std::collections::BTreeMap;

use domain::permissions::Permissions as RolePermissions;
use domain::role::{Area, Role};
use poem::http::Method;
use poem_openapi::registry::MetaApi;
use serde_json::json;

use super::access::is_traced;
use super::problem::{Problem, ProblemCode};

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: it is there for those who are not signed in.
    Public,
    /// To be signed in. It is about the caller alone, or about what everybody may know.
    SignedIn,
    /// To be signed in, and to have proved within the last five minutes who one is. It gives or takes access to what is
    /// the caller's own.
    FreshlyProved,
    /// To be allowed to look at this area.
    Read(Area),
    /// To be allowed to change this area.
    Write(Area),
}

impl Permission {
    /// 403 unless somebody in this role, with what the practice permits it at this moment, may.
    pub fn check(self, role: Role, permitted: &RolePermissions) -> Result<(), Problem> {
        let (may, deed, area) = match self {
            Self::Public | Self::SignedIn | Self::FreshlyProved => return Ok(()),
            Self::Read(area) => (permitted.access(area).may_read(), "read", area),
            Self::Write(area) => (permitted.access(area).may_write(), "write", area),
        };
        if may {
            return Ok(());
        }
        let detail = format!("The role {} may not {deed} {}.", role.name(), area.name());
        Err(Problem::new(ProblemCode::PermissionDenied).because(detail))
    }

    /// The area that it gives access to.
    pub const fn area(self) -> Option<Area> {
        match self {
            Self::Public | Self::SignedIn | Self::FreshlyProved => None,
            Self::Read(area) | Self::Write(area) => Some(area),
        }
    }

    /// Whether a request of this method needs a proof of identity of the last five minutes. Whatever changes users gives or
    /// takes access, so it needs one.
    pub fn needs_step_up(self, method: &Method) -> bool {
        match self {
            Self::FreshlyProved => true,
            Self::Write(Area::Users) => method != Method::GET,
            Self::Public | Self::SignedIn | Self::Read(_) | Self::Write(_) => false,
        }
    }

    /// Whether the operation must say what its answers [show](super::shown).
    pub(super) const fn is_traced(self) -> bool {
        match self {
            Self::Read(area) | Self::Write(area) => is_traced(area),
            Self::Public | Self::SignedIn | Self::FreshlyProved => false,
        }
    }

    /// As the OpenAPI document has it, under `x-permission`.
    pub fn document(self) -> serde_json::Value {
        match self {
            Self::Public => json!("public"),
            Self::SignedIn | Self::FreshlyProved => json!("signed_in"),
            Self::Read(area) => json!({"area": area.name(), "access": "read"}),
            Self::Write(area) => json!({"area": area.name(), "access": "write"}),
        }
    }

    /// For people, at the end of an operation's description.
    pub fn sentence(self) -> Option<String> {
        match self {
            Self::Public | Self::SignedIn | Self::FreshlyProved => None,
            Self::Read(area) => Some(format!("Needs read access to `{}`.", area.name())),
            Self::Write(area) => Some(format!("Needs write access to `{}`.", area.name())),
        }
    }
}

/// Operations, by their ids, and what each asks of its caller.
pub type PermissionTable = &'static [(&'static str, Permission)];

/// What each operation asks, by its id.
pub type OperationPermissions = BTreeMap<&'static str, Permission>;

/// Operations and table do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionMismatch {
    /// Nobody said who may use it.
    #[error("the operation {0} {1} declares no permission")]
    Undeclared(String, String),
    /// The row is of no operation.
    #[error("the table of permissions has a row for {0}, which is no operation")]
    NoOperation(&'static str),
    /// It takes a token and is declared public, or takes none and is not.
    #[error("the operation {0} takes a token and is public, or takes none and is not")]
    Contradiction(&'static str),
}

/// What each operation of these APIs asks, by its id, if the table names each of them.
pub fn match_operations(apis: &[MetaApi], table: PermissionTable) -> Result<OperationPermissions, PermissionMismatch> {
    let declared: BTreeMap<&'static str, Permission> = table.iter().copied().collect();
    let mut matched = OperationPermissions::new();
    for path in apis.iter().flat_map(|api| &api.paths) {
        for operation in &path.operations {
            let named = operation.operation_id.and_then(|id| Some((id, *declared.get(id)?)));
            let Some((id, permission)) = named else {
                return Err(PermissionMismatch::Undeclared(operation.method.to_string(), path.path.clone()));
            };
            if operation.security.is_empty() != (permission == Permission::Public) {
                return Err(PermissionMismatch::Contradiction(id));
            }
            matched.insert(id, permission);
        }
    }
    match declared.keys().find(|id| !matched.contains_key(*id)) {
        Some(id) => Err(PermissionMismatch::NoOperation(id)),
        None => Ok(matched),
    }
}

#[cfg(test)]
mod tests {
    use domain::role::Access;
    use poem_openapi::OpenApi;

    use super::*;
    use crate::auth::Caller;

    struct Doors;

    #[OpenApi]
    impl Doors {
        #[oai(path = "/open", method = "get", operation_id = "open")]
        async fn open(&self) {}

        #[oai(path = "/shut", method = "get", operation_id = "shut")]
        async fn shut(&self, _caller: Caller) {}
    }

    fn matching(table: PermissionTable) -> Result<OperationPermissions, PermissionMismatch> {
        match_operations(&Doors::meta(), table)
    }

    #[test]
    fn every_operation_says_who_may_use_it() {
        let permissions = matching(&[("open", Permission::Public), ("shut", Permission::Read(Area::Audit))]).unwrap();
        assert_eq!(permissions["shut"], Permission::Read(Area::Audit));
        let forgotten = matching(&[("open", Permission::Public)]);
        assert_eq!(forgotten, Err(PermissionMismatch::Undeclared("GET".to_owned(), "/shut".to_owned())));
    }

    #[test]
    fn what_the_practice_permits_counts_and_not_the_role_alone() {
        let usual = RolePermissions::default_of(Role::Secretary);
        let widened = usual.with(Area::MedicalRecords, Access::Read);
        let read = Permission::Read(Area::MedicalRecords);
        let refusal = read.check(Role::Secretary, &usual).unwrap_err();
        assert_eq!(refusal.code(), ProblemCode::PermissionDenied);
        assert!(read.check(Role::Secretary, &widened).is_ok());
        assert!(Permission::Write(Area::MedicalRecords).check(Role::Secretary, &widened).is_err());
        assert!(Permission::SignedIn.check(Role::Secretary, &RolePermissions::NONE).is_ok());
    }

    #[test]
    fn what_changes_users_needs_a_fresh_proof_and_what_shows_them_does_not() {
        let change = Permission::Write(Area::Users);
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert!(change.needs_step_up(&method), "{method}");
            assert!(!Permission::Write(Area::Patients).needs_step_up(&method));
            assert!(!Permission::SignedIn.needs_step_up(&method));
            assert!(Permission::FreshlyProved.needs_step_up(&method));
        }
        assert!(!change.needs_step_up(&Method::GET));
        assert!(!Permission::Read(Area::Users).needs_step_up(&Method::GET));
    }

    #[test]
    fn what_takes_a_token_is_not_public_and_what_takes_none_is() {
        let open = matching(&[("open", Permission::Public), ("shut", Permission::Public)]);
        assert_eq!(open, Err(PermissionMismatch::Contradiction("shut")));
        let shut = matching(&[("open", Permission::SignedIn), ("shut", Permission::SignedIn)]);
        assert_eq!(shut, Err(PermissionMismatch::Contradiction("open")));
    }
}
