//! The names of patients, for services that show other things of them.

use std::collections::{HashMap, HashSet};

use domain::ids::{FacilityId, PatientId};
use domain::permissions::Permissions;
use domain::role::Area;
use frame::access::Trace;
use frame::problem::Problem;
use poem::Request;
use projections::patients::PatientQueries;

/// The names of these patients. If the caller may not read patients, it is nobody's name. Else the trace says that they were
/// shown, and is on disk before this returns.
pub async fn patient_names(
    queries: &PatientQueries,
    request: &Request,
    trace: Trace,
    facility: FacilityId,
    patients: impl IntoIterator<Item = PatientId>,
) -> Result<HashMap<PatientId, String>, Problem> {
    let permitted = request.data::<Permissions>();
    let patients: HashSet<PatientId> = patients.into_iter().collect();
    if patients.is_empty() || !permitted.is_some_and(|permitted| permitted.access(Area::Patients).may_read()) {
        return Ok(HashMap::new());
    }
    let patients: Vec<PatientId> = patients.into_iter().collect();
    trace.search(patients.iter().copied()).await?;
    Ok(queries.names(facility, &patients).await?)
}
