//! A service is a value: a name, a port, operations, policies, read models and checks. The six services make one each; the
//! program puts those that it serves together from [`Parts`]. No service knows another.

mod chapter;
mod mount;
mod names;
mod parts;

use std::sync::Arc;

use event_store_schema::health::Check;
use projections_engine::following::Policy;

pub use self::chapter::Chapter;
pub use self::mount::Mount;
pub use self::names::patient_names;
pub use self::parts::Parts;

/// A policy of a service: it runs once, however many processes there are.
#[derive(Clone, Copy)]
pub struct PolicyOf {
    /// The name of its checkpoint.
    pub name: &'static str,
    /// Makes it.
    pub make: fn(&Parts) -> Arc<dyn Policy>,
}

/// One of the six services. Each can be deployed apart.
#[derive(Clone, Copy)]
pub struct Service {
    /// What `--services` calls it.
    pub name: &'static str,
    /// The port of its listener when it runs alone.
    pub port: u16,
    /// Mounts its operations and its other paths.
    pub mount: fn(&mut Mount<'_>),
    /// What it does by itself because of events.
    pub policies: &'static [PolicyOf],
    /// The read models that it owns. It may read others.
    pub read_models: &'static [&'static str],
    /// The kinds of subjects on NATS that are its own, as [`NatsNames`](projections::publisher::NatsNames) calls them.
    pub subjects: &'static [&'static str],
    /// What must hold for it to be ready, beside what must hold for every service.
    pub checks: fn(&Parts) -> Vec<Check>,
}

/// For a service that has no checks of its own.
pub const fn no_checks(_parts: &Parts) -> Vec<Check> {
    Vec::new()
}
