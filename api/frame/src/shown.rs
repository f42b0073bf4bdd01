//! What an answer shows of patients. The operation says it, and the frame writes it into the trail of accesses before the
//! answer leaves. An operation on an area of patients' data must say it with every answer, whatever its method: what says
//! nothing is not sent.

use domain::ids::PatientId;
use event_store_schema::{AccessedObject, Deed};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use uuid::Uuid;

/// What an answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Option<Seen>);

/// What is traced of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) deed: Deed,
    pub(super) resource_type: &'static str,
    pub(super) objects: Vec<AccessedObject>,
    /// The patient's own mark.
    pub(super) restricted: bool,
}

impl Shown {
    /// Nothing of any patient.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// The patient's own record.
    pub fn patient(patient: PatientId) -> Self {
        Self::seen(Deed::Read, "patient", vec![AccessedObject::patient(patient)])
    }

    /// Something else about a patient: `resource_type` in small letters and underscores.
    pub fn of(resource_type: &'static str, resource_id: Option<Uuid>, patient: Option<PatientId>) -> Self {
        Self::seen(Deed::Read, resource_type, vec![AccessedObject { resource_id, patient_id: patient }])
    }

    /// Several things about one patient.
    pub fn all_of(resource_type: &'static str, ids: impl Iterator<Item = Uuid>, patient: PatientId) -> Self {
        let object = |id| AccessedObject { resource_id: Some(id), patient_id: Some(patient) };
        Self::seen(Deed::Read, resource_type, ids.map(object).collect())
    }

    /// The patients of a list or a search. A search that finds nobody is traced as well.
    pub fn search(patients: impl IntoIterator<Item = PatientId>) -> Self {
        Self::seen(Deed::Search, "patient", patients.into_iter().map(AccessedObject::patient).collect())
    }

    /// Something about a patient, on paper.
    pub fn printed(resource_type: &'static str, resource_id: Uuid, patient: PatientId) -> Self {
        let object = AccessedObject { resource_id: Some(resource_id), patient_id: Some(patient) };
        Self::seen(Deed::Print, resource_type, vec![object])
    }

    /// The answer to a change shows it, whether or not anything was changed.
    #[must_use]
    pub fn written(mut self) -> Self {
        if let Some(seen) = &mut self.0 {
            seen.deed = Deed::Write;
        }
        self
    }

    /// The patient's clinical part is restricted: it is shown for a declared reason and purpose.
    #[must_use]
    pub fn restricted(mut self, restricted: bool) -> Self {
        if let Some(seen) = &mut self.0 {
            seen.restricted = restricted;
        }
        self
    }

    fn seen(deed: Deed, resource_type: &'static str, objects: Vec<AccessedObject>) -> Self {
        Self(Some(Seen { deed, resource_type, objects, restricted: false }))
    }

    pub(super) fn into_seen(self) -> Option<Seen> {
        self.0
    }
}

/// An answer, with what it shows. It is declared as the answer alone.
pub struct Traced<R> {
    answer: R,
    shown: Shown,
}

/// Any answer can say what it shows.
pub trait Showing: Sized {
    /// The answer, which shows this.
    fn showing(self, shown: Shown) -> Traced<Self>;
}

impl<R: ApiResponse> Showing for R {
    fn showing(self, shown: Shown) -> Traced<Self> {
        Traced { answer: self, shown }
    }
}

impl<R: IntoResponse> IntoResponse for Traced<R> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        response.set_data(self.shown);
        response
    }
}

impl<R: ApiResponse> ApiResponse for Traced<R> {
    fn meta() -> MetaResponses {
        R::meta()
    }

    fn register(registry: &mut Registry) {
        R::register(registry);
    }
}
