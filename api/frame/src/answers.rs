//! What operations answer, with the headers that go with it. An answer that no other operation gives stands with its
//! operation.

use domain::ids::{Position, StreamVersion};
use poem_openapi::ApiResponse;
use poem_openapi::types::ToJSON;

use super::conditional::{content_tag, etag};
use super::problem::Problem;
use super::received::Received;
use super::written_json::WrittenJson;

/// What is told of a command beside the document: how far it is written, and whether the read models show it.
pub struct Settled {
    pub(super) position: Option<Position>,
    pub(super) preference: Option<String>,
}

impl Settled {
    /// The values of `Event-Position` and `Preference-Applied`.
    pub fn into_headers(self) -> (Option<String>, Option<String>) {
        (self.position.map(|position| position.to_string()), self.preference)
    }
}

/// What was asked for, which has a version.
#[derive(ApiResponse)]
pub enum Read<D: ToJSON> {
    /// What was asked for.
    #[oai(status = 200)]
    Found(
        WrittenJson<D>,
        /// Its version.
        #[oai(header = "ETag")]
        String,
    ),
    /// It is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// Its version.
        #[oai(header = "ETag")]
        String,
    ),
}

impl<D: ToJSON> Read<D> {
    /// The document at this version. It is not made if the client has that version.
    pub fn of<T: Into<WrittenJson<D>>>(
        received: &Received,
        version: StreamVersion,
        document: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<Self, Problem> {
        if received.has(version) {
            return Ok(Self::NotModified(etag(version)));
        }
        Ok(Self::Found(document()?.into(), etag(version)))
    }
}

/// What was changed.
#[derive(ApiResponse)]
pub enum Changed<D: ToJSON> {
    /// As it is now.
    #[oai(status = 200)]
    Now(
        WrittenJson<D>,
        /// Its version.
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

impl<D: ToJSON> Changed<D> {
    /// The document that a command left, at this version.
    pub fn now(document: impl Into<WrittenJson<D>>, version: StreamVersion, settled: Settled) -> Self {
        let (position, preference) = settled.into_headers();
        Self::Now(document.into(), etag(version), position, preference)
    }
}

/// What was made, and has an address.
#[derive(ApiResponse)]
pub enum Created<D: ToJSON> {
    /// It was made.
    #[oai(status = 201)]
    Created(
        WrittenJson<D>,
        /// Where it is.
        #[oai(header = "Location")]
        String,
        /// Its version.
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

impl<D: ToJSON> Created<D> {
    /// The document that a command left, at this path and version.
    pub fn at(path: String, document: impl Into<WrittenJson<D>>, version: StreamVersion, settled: Settled) -> Self {
        let (position, preference) = settled.into_headers();
        Self::Created(document.into(), path, etag(version), position, preference)
    }
}

/// What was added to something that has the version.
#[derive(ApiResponse)]
pub enum Added<D: ToJSON> {
    /// It was added.
    #[oai(status = 201)]
    Created(
        WrittenJson<D>,
        /// The version of what it was added to.
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

impl<D: ToJSON> Added<D> {
    /// The document that a command left, at this version.
    pub fn new(document: impl Into<WrittenJson<D>>, version: StreamVersion, settled: Settled) -> Self {
        let (position, preference) = settled.into_headers();
        Self::Created(document.into(), etag(version), position, preference)
    }
}

/// A page of a list.
#[derive(ApiResponse)]
pub enum Listed<D: ToJSON> {
    /// The page.
    #[oai(status = 200)]
    Page(
        WrittenJson<D>,
        /// The other pages (RFC 8288).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

impl<D: ToJSON> Listed<D> {
    /// A page, with the value of `Link`.
    pub fn page(document: impl Into<WrittenJson<D>>, links: Option<String>) -> Self {
        Self::Page(document.into(), links)
    }
}

/// A page of a list that a client need not be sent again while it stays as it is.
#[derive(ApiResponse)]
pub enum TaggedList<D: ToJSON> {
    /// The page.
    #[oai(status = 200)]
    Page(
        WrittenJson<D>,
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

impl<D: ToJSON> TaggedList<D> {
    /// A page, with the value of `Link`.
    pub fn page(received: &Received, document: impl Into<WrittenJson<D>>, links: Option<String>) -> Self {
        let document = document.into();
        let content = content_tag(document.as_str());
        let tag = format!("\"{content}\"");
        if received.has_tag(&content) {
            return Self::NotModified(tag);
        }
        Self::Page(document, tag, links)
    }
}

/// Something was done that has nothing to tell.
#[derive(ApiResponse)]
pub enum Done {
    /// It is done.
    #[oai(status = 204)]
    Done,
}
