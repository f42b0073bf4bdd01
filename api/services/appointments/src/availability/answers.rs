//! What the operations on availability answer, with the headers that go with it.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use super::documents::AvailabilityDocument;
use frame::problem::Period;

/// Availability that was asked for.
#[derive(ApiResponse)]
pub(super) enum Read {
    /// When the practitioner can be booked.
    #[oai(status = 200)]
    Found(
        Json<AvailabilityDocument>,
        /// The version of the availability.
        #[oai(header = "ETag")]
        String,
    ),
    /// It is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// The version of the availability.
        #[oai(header = "ETag")]
        String,
    ),
}

/// Availability after a change.
#[derive(ApiResponse)]
pub(super) enum Changed {
    /// When the practitioner can be booked from now on.
    #[oai(status = 200)]
    Now(
        Json<AvailabilityDocument>,
        /// The version of the availability.
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

/// A leave that was planned.
#[derive(Debug, Object)]
#[oai(rename = "PlannedLeave", rename_all = "camelCase")]
pub(super) struct PlannedLeaveDocument {
    /// The leave's id.
    pub(super) id: Uuid,
    /// How many appointments ahead lie in it and are flagged to be rescheduled.
    pub(super) touched: u64,
    /// They, the first ones first; at most 200. Left out for those who may not look at appointments.
    pub(super) appointments: Vec<TouchedDocument>,
    /// When the practitioner can be booked from now on.
    pub(super) availability: AvailabilityDocument,
}

/// An appointment that lies in a leave.
#[derive(Debug, Object)]
#[oai(rename = "TouchedAppointment", rename_all = "camelCase")]
pub(super) struct TouchedDocument {
    /// Which.
    pub(super) appointment_id: Uuid,
    /// When.
    pub(super) period: Period,
}

#[derive(ApiResponse)]
pub(super) enum Planned {
    /// The leave is planned.
    #[oai(status = 201)]
    Created(
        Json<PlannedLeaveDocument>,
        /// The version of the availability.
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

/// Extra hours that were opened.
#[derive(Debug, Object)]
#[oai(rename = "OpenedExtraHours")]
pub(super) struct OpenedExtraHoursDocument {
    /// The id of these hours.
    pub(super) id: Uuid,
    /// When the practitioner can be booked from now on.
    pub(super) availability: AvailabilityDocument,
}

#[derive(ApiResponse)]
pub(super) enum Opened {
    /// The hours are open.
    #[oai(status = 201)]
    Created(
        Json<OpenedExtraHoursDocument>,
        /// The version of the availability.
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
