//! A service mounts what it serves through [`Mount`]. The same lines declare it without a database, for
//! `medicalpro services`, for the documents and for tests.

use frame::mounting::Frame;
use frame::permissions::PermissionTable;
use frame::server::PlainRoute;
use poem::http::Method;
use poem_openapi::OpenApi;

use crate::parts::Parts;

/// Where a service mounts its operations.
pub struct Mount<'a> {
    frame: &'a mut Frame,
    parts: Option<&'a Parts>,
}

impl<'a> Mount<'a> {
    /// Mounts operations over these parts.
    pub const fn over(frame: &'a mut Frame, parts: &'a Parts) -> Self {
        Self { frame, parts: Some(parts) }
    }

    /// Declares operations, and makes none.
    pub const fn declaring(frame: &'a mut Frame) -> Self {
        Self { frame, parts: None }
    }

    /// Operations of the OpenAPI document, each with its row in the table of permissions.
    pub fn operations<A: OpenApi + 'static>(&mut self, permissions: PermissionTable, make: impl FnOnce(&Parts) -> A) {
        match self.parts {
            Some(parts) => self.frame.mount(make(parts), permissions),
            None => self.frame.declare::<A>(permissions),
        }
    }

    /// A path that is no operation of the OpenAPI document.
    pub fn route(&mut self, path: &'static str, methods: &[Method], make: impl FnOnce(&Parts) -> Option<PlainRoute>) {
        self.frame.declare_route(path, methods);
        if let Some(route) = self.parts.and_then(make) {
            self.frame.route(route);
        }
    }
}
