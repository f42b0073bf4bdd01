//! The service `records`: medical records, prescriptions and documents. It serves nothing yet.

use service::{Mount, Service, no_checks};

/// The service.
pub const SERVICE: Service =
    Service { name: "records", port: 3004, mount, policies: &[], read_models: &[], subjects: &[], checks: no_checks };

const fn mount(_mount: &mut Mount<'_>) {}
