//! The list of patients: its lines, which patients are in it, and the links to its other pages.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::ParseFromJSON;
use projections::patients::PatientPage;
use serde_json::json;
use uuid::Uuid;

use frame::pagination::{Cursor, Links, PageRequest};
use frame::parameter::{SearchText, TextParameter};
use frame::problem::{Problem, ProblemCode};
use frame::text_parameter;

/// Which patients a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusFilter {
    Active,
    Inactive,
    All,
}

impl StatusFilter {
    const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::All];

    const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::All => "all",
        }
    }
}

impl TextParameter for StatusFilter {
    const NAME: &'static str = "patient_status_filter";

    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: Self::ALL.map(|filter| json!(filter.name())).to_vec(),
            default: Some(json!(Self::Active.name())),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let filter = Self::ALL.into_iter().find(|filter| filter.name() == text);
        filter.ok_or_else(|| "Must be one of: active, inactive, all.".to_owned())
    }
}

text_parameter!(StatusFilter);

/// One patient in a list.
#[derive(Debug, Object)]
#[oai(rename = "PatientSummary", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PatientSummaryDocument {
    id: Uuid,
    patient_number: String,
    status: String,
    /// True while the clinical part is opened for a declared reason only.
    restricted: Option<bool>,
    version: u64,
    /// When anything last changed (RFC 3339).
    updated_at: String,
    last_name: Option<String>,
    first_name: Option<String>,
    /// `YYYY-MM-DD`.
    birth_date: Option<String>,
    gender: Option<String>,
    /// E.164.
    phone: Option<String>,
    email: Option<String>,
}

/// A page of patients.
#[derive(Debug, Object)]
#[oai(rename = "PatientList", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct PatientListDocument {
    items: Vec<PatientSummaryDocument>,
    /// How many there are on all pages.
    total: u64,
    /// Whether there are more than `total`: of a search, at most 1,000 are counted.
    more_than_total: bool,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

impl PatientListDocument {
    pub(super) fn new(page: PatientPage, next: Option<Cursor>) -> Result<Self, Problem> {
        let line = |text: &str| PatientSummaryDocument::parse_from_json(serde_json::from_str(text).ok());
        let items = page.items.iter().map(|stored| line(stored.document.get())).collect::<Result<_, _>>();
        let items = items.map_err(|error| {
            tracing::error!(error = error.into_message(), "a line of a patient has not the declared form");
            Problem::new(ProblemCode::InternalError)
        })?;
        Ok(Self {
            items,
            total: page.total,
            more_than_total: page.more_than_total,
            next_cursor: next.map(|cursor| cursor.as_str().to_owned()),
        })
    }
}

/// The `Link` header: first, previous, next and last page where they are known.
pub(super) fn links(
    request: &PageRequest,
    search: Option<&SearchText>,
    status: StatusFilter,
    found: &PatientPage,
    next: Option<&Cursor>,
) -> Option<String> {
    let mut shared = vec![("limit", request.limit.0.to_string())];
    shared.extend(search.map(|search| ("search", search.as_str().to_owned())));
    if status != StatusFilter::Active {
        shared.push(("status", status.name().to_owned()));
    }
    let total = (!found.more_than_total).then_some(found.total);
    Links::new("/api/v1/patients", shared).around(request, total, next).header()
}
