//! The service `patients`: identity, contact and insurance of patients, and who looked at whose data.

mod audit;
mod desk;
mod patients;

use service::{Mount, Service, no_checks};

use self::desk::PatientsDesk;

/// The service.
pub const SERVICE: Service = Service {
    name: "patients",
    port: 3002,
    mount,
    policies: &[],
    read_models: &["patients"],
    subjects: &[],
    checks: no_checks,
};

fn mount(mount: &mut Mount<'_>) {
    mount.operations(patients::PERMISSIONS, |parts| patients::PatientsApi::new(PatientsDesk::new(parts)));
    mount.operations(audit::PERMISSIONS, |parts| audit::AuditApi::new(PatientsDesk::new(parts)));
}
