//! Who is signed in: what an access token proves, for HTTP, live screens and tools alike.

use domain::event::Actor;
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use uuid::Uuid;

/// A signed-in member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub user_id: UserId,
    /// The practice they work in: nothing of another one exists for them.
    pub facility_id: FacilityId,
    /// Their role: from [`tokens`](crate::tokens) the one that they have now.
    pub role: Role,
    /// The session that the token belongs to.
    pub session_id: Uuid,
}

impl Member {
    /// The member as the actor of events and traces.
    pub const fn actor(&self) -> Actor {
        Actor { user_id: self.user_id, role: Some(self.role), session_id: Some(self.session_id) }
    }
}
