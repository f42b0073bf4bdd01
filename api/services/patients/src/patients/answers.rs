//! What the operations on patients answer, with the headers that go with it.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use super::documents::PatientDocument;
use super::list::PatientListDocument;

/// A patient who was just registered.
#[derive(ApiResponse)]
pub(super) enum Registered {
    /// The patient was registered.
    #[oai(status = 201)]
    Created(
        Json<PatientDocument>,
        /// Where the patient is.
        #[oai(header = "Location")]
        String,
        /// The version of the patient.
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

/// A patient after a change.
#[derive(ApiResponse)]
pub(super) enum Changed {
    /// The patient as it is now.
    #[oai(status = 200)]
    Now(
        Json<PatientDocument>,
        /// The version of the patient.
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

/// A patient who was asked for.
#[derive(ApiResponse)]
pub(super) enum Read {
    /// The patient.
    #[oai(status = 200)]
    Found(
        Json<PatientDocument>,
        /// The version of the patient.
        #[oai(header = "ETag")]
        String,
    ),
    /// The patient is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the patient.
        #[oai(header = "ETag")]
        String,
    ),
}

/// A page of patients.
#[derive(ApiResponse)]
pub(super) enum Listed {
    /// The page.
    #[oai(status = 200)]
    Page(
        Json<PatientListDocument>,
        /// The other pages (RFC 8288).
        #[oai(header = "Link")]
        Option<String>,
    ),
}
