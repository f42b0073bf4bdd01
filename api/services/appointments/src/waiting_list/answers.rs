//! What the operations on the waiting list answer, with the headers that go with it.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use super::documents::EntryDocument;

/// Somebody who was just put on the list.
#[derive(ApiResponse)]
pub(super) enum Joined {
    /// The patient waits.
    #[oai(status = 201)]
    Created(
        Json<EntryDocument>,
        /// Where the place on the list is.
        #[oai(header = "Location")]
        String,
        /// The version of the place.
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

/// A place after a change.
#[derive(ApiResponse)]
pub(super) enum Changed {
    /// The place as it is now.
    #[oai(status = 200)]
    Now(
        Json<EntryDocument>,
        /// The version of the place.
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

/// A place that was asked for.
#[derive(ApiResponse)]
pub(super) enum Read {
    /// The place.
    #[oai(status = 200)]
    Found(
        Json<EntryDocument>,
        /// The version of the place.
        #[oai(header = "ETag")]
        String,
    ),
    /// The place is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the place.
        #[oai(header = "ETag")]
        String,
    ),
}

/// A page of the waiting list.
#[derive(Debug, Object)]
#[oai(rename = "WaitingList", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ListDocument {
    /// First in line first.
    pub(super) items: Vec<EntryDocument>,
    /// How many there are on all pages.
    pub(super) total: u64,
    /// The `cursor` of the next page, if there is one.
    pub(super) next_cursor: Option<String>,
}

/// A page of the waiting list.
#[derive(ApiResponse)]
pub(super) enum Listed {
    /// The page.
    #[oai(status = 200)]
    Page(
        Json<ListDocument>,
        /// What names this page as it is now.
        #[oai(header = "ETag")]
        String,
        /// The other pages (RFC 8288).
        #[oai(header = "Link")]
        Option<String>,
    ),
    /// The page is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// What names this page as it is now.
        #[oai(header = "ETag")]
        String,
    ),
}
