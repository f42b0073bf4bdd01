//! The service `auth`: logging in, staff and their accounts, practitioners, facilities and what roles may do.

mod desk;
mod facilities;
mod practitioners;
mod roles;
mod session;
mod users;

use service::{Mount, Service, no_checks};

use self::desk::StaffDesk;

/// The service.
pub const SERVICE: Service = Service {
    name: "auth",
    port: 3001,
    mount,
    policies: &[],
    read_models: &["users", "facilities"],
    subjects: &[],
    checks: no_checks,
};

fn mount(mount: &mut Mount<'_>) {
    mount.operations(session::operations::PERMISSIONS, |parts| session::SessionApi::new(parts.auth.clone()));
    mount.operations(session::credentials::PERMISSIONS, |parts| {
        session::CredentialsApi::new(StaffDesk::new(parts), parts.auth.clone())
    });
    mount.operations(session::forgotten::PERMISSIONS, |parts| {
        session::ForgottenPasswordsApi::new(parts.account_mail.clone())
    });
    mount.operations(users::PERMISSIONS, |parts| {
        users::UsersApi::new(StaffDesk::new(parts), parts.auth.clone(), parts.account_mail.clone())
    });
    mount.operations(users::user_accounts::PERMISSIONS, |parts| {
        users::UserAccountsApi::new(StaffDesk::new(parts), parts.auth.clone(), parts.account_mail.clone())
    });
    mount.operations(practitioners::PERMISSIONS, |parts| practitioners::PractitionersApi::new(StaffDesk::new(parts)));
    mount.operations(facilities::PERMISSIONS, |parts| facilities::FacilitiesApi::new(StaffDesk::new(parts)));
}
