//! What the operations on staff answer, with the headers that go with it.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use super::documents::{UserDocument, UserWithLinkDocument};
use super::list::UserListDocument;

/// A member of staff who was just registered.
#[derive(ApiResponse)]
pub(super) enum Registered {
    /// The member of staff was registered and invited. `link` is given once: the repetition of a request under its
    /// `Idempotency-Key` does not have it, and `POST users/{id}/invite` makes another.
    #[oai(status = 201)]
    Created(
        Json<UserWithLinkDocument>,
        /// Where the member of staff is.
        #[oai(header = "Location")]
        String,
        /// The version of the member of staff.
        #[oai(header = "ETag")]
        String,
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// A member of staff for whom a link was made.
#[derive(ApiResponse)]
pub(super) enum Linked {
    /// The member of staff, and the link. `link` is given once: the repetition of a request under its `Idempotency-Key`
    /// does not have it.
    #[oai(status = 200)]
    Made(
        Json<UserWithLinkDocument>,
        /// The version of the member of staff.
        #[oai(header = "ETag")]
        String,
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// A member of staff after a change.
#[derive(ApiResponse)]
pub(super) enum Changed {
    /// The member of staff as they are now.
    #[oai(status = 200)]
    Now(
        Json<UserDocument>,
        /// The version of the member of staff.
        #[oai(header = "ETag")]
        String,
        /// The last position written; left out when nothing changed.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}

/// A member of staff who was asked for.
#[derive(ApiResponse)]
pub(super) enum Read {
    /// The member of staff.
    #[oai(status = 200)]
    Found(
        Json<UserDocument>,
        /// The version of the member of staff.
        #[oai(header = "ETag")]
        String,
    ),
    /// The member of staff is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the member of staff.
        #[oai(header = "ETag")]
        String,
    ),
}

/// A page of staff.
#[derive(ApiResponse)]
pub(super) enum Listed {
    /// The page.
    #[oai(status = 200)]
    Page(
        Json<UserListDocument>,
        /// The other pages (RFC 8288).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// A session that was ended.
#[derive(ApiResponse)]
pub(super) enum Ended {
    /// It has ended.
    #[oai(status = 204)]
    Ended,
}

/// A second factor that was dropped.
#[derive(ApiResponse)]
pub(super) enum Dropped {
    /// It is dropped.
    #[oai(status = 204)]
    Dropped(
        /// The last position written.
        #[oai(header = "Event-Position")]
        Option<String>,
        /// `respond-async`, if the answer left before the read models show what was written.
        #[oai(header = "Preference-Applied")]
        Option<String>,
    ),
}
