//! The service `analytics`: figures of a practice. It serves nothing yet.

use service::{Mount, Service, no_checks};

/// The service.
pub const SERVICE: Service =
    Service { name: "analytics", port: 3006, mount, policies: &[], read_models: &[], subjects: &[], checks: no_checks };

const fn mount(_mount: &mut Mount<'_>) {}
