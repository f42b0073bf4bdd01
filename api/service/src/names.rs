//! The names of patients, for services that show other things of them.

use std::collections::{HashMap, HashSet};

use domain::ids::PatientId;
use domain::role::Area;
use frame::problem::Problem;
use frame::received::Received;
use frame::shown::Shown;
use projections::patients::PatientQueries;

/// The names of these patients, and that the answer shows them, if the caller may read patients. Nobody's name otherwise.
pub async fn patient_names(
    queries: &PatientQueries,
    received: &Received,
    patients: impl IntoIterator<Item = PatientId>,
) -> Result<(HashMap<PatientId, String>, Shown), Problem> {
    let patients: HashSet<PatientId> = patients.into_iter().collect();
    if patients.is_empty() || !received.may_read(Area::Patients) {
        return Ok((HashMap::new(), Shown::nothing()));
    }
    let patients: Vec<PatientId> = patients.into_iter().collect();
    let names = queries.names(received.facility_id, &patients).await?;
    Ok((names, Shown::search(patients)))
}
