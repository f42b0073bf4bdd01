//! The service `notifications`: what the staff is told of, and live screens.

mod desk;
mod notifications;

pub use notifications::read_marks::{ReadMarksError, migrate};
use poem::http::Method;
use realtime::Realtime;
use service::{Mount, Service, no_checks};

use self::desk::NotificationsDesk;

/// The service.
pub const SERVICE: Service = Service {
    name: "notifications",
    port: 3005,
    mount,
    policies: &[],
    read_models: &["notifications"],
    subjects: &["presence", "conflicts"],
    checks: no_checks,
};

fn mount(mount: &mut Mount<'_>) {
    mount.operations(notifications::PERMISSIONS, |parts| {
        notifications::NotificationsApi::new(NotificationsDesk::new(parts))
    });
    mount.route(realtime::PATH, &[Method::GET], |parts| parts.realtime.as_ref().map(Realtime::sockets));
    mount.route(realtime::DOCUMENT_PATH, &[Method::GET], |_| Some(realtime::document()));
}
