//! The practice that the caller works in.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::facilities::FacilityView;
use uuid::Uuid;

use super::Chapter;
use crate::http::auth::Caller;
use crate::http::conditional::etag;
use crate::http::problem::{Problem, ProblemCode};
use crate::state::AppState;

/// The operations.
pub struct FacilitiesApi {
    state: AppState,
}

/// A practice or clinic.
#[derive(Object)]
#[oai(rename = "Facility", rename_all = "camelCase", skip_serializing_if_is_none)]
struct FacilityDocument {
    id: Uuid,
    name: String,
    /// The number in the national register of establishments.
    finess: Option<String>,
    /// The IANA time zone in which wall-clock times are meant.
    time_zone: String,
}

impl From<FacilityView> for FacilityDocument {
    fn from(view: FacilityView) -> Self {
        Self { id: view.id.0, name: view.name, finess: view.finess, time_zone: view.time_zone }
    }
}

#[derive(ApiResponse)]
enum Read {
    /// The practice.
    #[oai(status = 200)]
    Found(
        Json<FacilityDocument>,
        /// The version of the practice.
        #[oai(header = "ETag")]
        String,
    ),
}

impl FacilitiesApi {
    /// Over this state.
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }
}

#[OpenApi(prefix_path = "/api/v1/facilities", tag = "Chapter::Facilities")]
impl FacilitiesApi {
    /// Which practice do I work in?
    #[oai(path = "/current", method = "get", operation_id = "readCurrentFacility")]
    async fn current(&self, caller: Caller) -> Result<Read, Problem> {
        let found = self.state.facilities.get(caller.facility_id).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let tag = etag(found.version);
        Ok(Read::Found(Json(found.into()), tag))
    }
}
