//! Who treats patients in the practice, and what they may be specialised in.

use std::sync::LazyLock;

use domain::role::{Area, Role};
use domain::user::UserStatus;
use domain::values::{Specialty, TextValue};
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::users::{UserFilter, UserView};
use projections_engine::QueryError;
use ring::digest;
use uuid::Uuid;

use super::roles::RoleName;
use super::users::list::page_start;
use crate::desk::StaffDesk;
use frame::answers::Listed;
use frame::auth::Caller;
use frame::pagination::{Cursor, Links, PageLimit, PageNumber, PageRequest};
use frame::parameter::SearchText;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::Problem;
use frame::received::Fetching;
use service::Chapter;

/// The operations.
pub struct PractitionersApi {
    desk: StaffDesk,
}

/// Somebody who treats patients.
#[derive(Debug, Object)]
#[oai(rename = "Practitioner", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PractitionerDocument {
    id: Uuid,
    role: RoleName,
    last_name: Option<String>,
    first_name: Option<String>,
    /// The number in the national directory of health professionals.
    rpps_number: Option<String>,
    specialties: Vec<SpecialtyDocument>,
}

/// What a health professional is specialised in.
#[derive(Debug, Object)]
#[oai(rename = "Specialty")]
struct SpecialtyDocument {
    /// The code in the reference list TRE_R38 (ANS).
    code: String,
    /// In French.
    label: String,
}

/// The practitioners on a page.
#[derive(Debug, Object)]
#[oai(rename = "PractitionerList", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PractitionerListDocument {
    items: Vec<PractitionerDocument>,
    /// How many there are on all pages.
    total: u64,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

/// The reference list of specialties.
#[derive(Debug, Object)]
#[oai(rename = "SpecialtyList")]
struct SpecialtyListDocument {
    items: Vec<SpecialtyDocument>,
}

impl From<UserView> for PractitionerDocument {
    fn from(view: UserView) -> Self {
        Self {
            id: view.id.0,
            role: view.role.into(),
            last_name: view.last_name,
            first_name: view.first_name,
            rpps_number: view.rpps_number,
            specialties: view.specialties.into_iter().map(SpecialtyDocument::of).collect(),
        }
    }
}

impl SpecialtyDocument {
    /// A code that the list no longer has stands for itself.
    fn of(code: String) -> Self {
        let label = Specialty::parse(&code).ok().and_then(|specialty| specialty.label());
        Self { label: label.unwrap_or(&code).to_owned(), code }
    }
}

/// The reference list of specialties.
#[derive(ApiResponse)]
enum Specialties {
    /// The list.
    #[oai(status = 200)]
    All(
        Json<SpecialtyListDocument>,
        /// Which edition of the list it is.
        #[oai(header = "ETag")]
        String,
        /// It changes with a release of this program at most.
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// The list is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// Which edition of the list it is.
        #[oai(header = "ETag")]
        String,
        /// It changes with a release of this program at most.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// A day. The list stands behind a token, hence in private caches only.
const SPECIALTIES_CACHED: &str = "private, max-age=86400";

/// What names this edition of the list: a digest of it.
fn specialties_edition() -> &'static str {
    static EDITION: LazyLock<String> = LazyLock::new(|| {
        let mut list = digest::Context::new(&digest::SHA256);
        for (code, label) in Specialty::all() {
            list.update(format!("{code}\t{label}\n").as_bytes());
        }
        list.finish().as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    });
    &EDITION
}

impl PractitionersApi {
    /// Over this desk.
    pub const fn new(desk: StaffDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable =
    &[("listPractitioners", Permission::Read(Area::Users)), ("listSpecialties", Permission::SignedIn)];

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Staff")]
impl PractitionersApi {
    /// Who treats patients here?
    ///
    /// The doctors and nurses who can log in, by family name and first name, found as in the list of staff.
    #[oai(path = "/practitioners", method = "get", operation_id = "listPractitioners")]
    async fn practitioners(
        &self,
        /// Words to find practitioners by.
        search: Query<Option<SearchText>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many practitioners on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        caller: Caller,
    ) -> Result<Listed<PractitionerListDocument>, Problem> {
        let request = PageRequest::new(page.0, limit.0, cursor.0)?;
        let filter = UserFilter {
            roles: Role::PRACTITIONERS.to_vec(),
            status: Some(UserStatus::Active),
            search: search.0.as_ref().map(|search| search.as_str().to_owned()),
        };
        let start = page_start(&request)?;
        let found = self.desk.users.list(caller.facility_id, &filter, &start, request.limit.0).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let mut shared = vec![("limit", request.limit.0.to_string())];
        shared.extend(filter.search.map(|search| ("search", search)));
        let links = Links::new("/api/v1/practitioners", shared).around(&request, Some(found.total), next.as_ref());
        let views = found.items.iter().map(|stored| stored.parse::<UserView>().map(PractitionerDocument::from));
        let body = PractitionerListDocument {
            items: views.collect::<Result<_, _>>().map_err(QueryError::from)?,
            total: found.total,
            next_cursor: next.map(|cursor| cursor.as_str().to_owned()),
        };
        Ok(Listed::page(body, links.header()))
    }

    /// The reference list of specialties
    ///
    /// TRE_R38 (spécialité ordinale) of the Agence du numérique en santé, under the Licence Ouverte 2.0.
    #[oai(path = "/specialties", method = "get", operation_id = "listSpecialties")]
    async fn specialties(&self, asked: Fetching) -> Result<Specialties, Problem> {
        let edition = specialties_edition();
        let (tag, cached) = (format!("\"{edition}\""), SPECIALTIES_CACHED.to_owned());
        if asked.has_tag(edition) {
            return Ok(Specialties::NotModified(tag, cached));
        }
        let items = Specialty::all().map(|(code, label)| SpecialtyDocument { code: code.into(), label: label.into() });
        Ok(Specialties::All(Json(SpecialtyListDocument { items: items.collect() }), tag, cached))
    }
}
