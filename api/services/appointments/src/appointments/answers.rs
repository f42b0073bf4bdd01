//! What the operations on appointments answer, with the headers that go with it.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use super::documents::AppointmentDocument;
use super::list::AppointmentListDocument;

/// An appointment that was just booked.
#[derive(ApiResponse)]
pub(super) enum Booked {
    /// It was booked.
    #[oai(status = 201)]
    Created(
        Json<AppointmentDocument>,
        /// Where the appointment is.
        #[oai(header = "Location")]
        String,
        /// The version of the appointment.
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

/// An appointment after a change.
#[derive(ApiResponse)]
pub(super) enum Changed {
    /// The appointment as it is now.
    #[oai(status = 200)]
    Now(
        Json<AppointmentDocument>,
        /// The version of the appointment.
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

/// An appointment that was asked for.
#[derive(ApiResponse)]
pub(super) enum Read {
    /// The appointment.
    #[oai(status = 200)]
    Found(
        Json<AppointmentDocument>,
        /// The version of the appointment.
        #[oai(header = "ETag")]
        String,
    ),
    /// The appointment is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the appointment.
        #[oai(header = "ETag")]
        String,
    ),
}

/// A page of appointments.
#[derive(ApiResponse)]
pub(super) enum Listed {
    /// The page.
    #[oai(status = 200)]
    Page(
        Json<AppointmentListDocument>,
        /// What is on the page.
        #[oai(header = "ETag")]
        String,
        /// The other pages (RFC 8288).
        #[oai(header = "Link")]
        Option<String>,
    ),
    /// The page is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// What is on the page.
        #[oai(header = "ETag")]
        String,
    ),
}
