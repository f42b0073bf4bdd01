//! The list of staff: which members are in it, its page, and the links to its other pages.

use domain::ids::UserId;
use domain::role::Role;
use domain::user::UserStatus;
use domain::values::CodeValue;
use poem_openapi::Object;
use projections::users::{UserFilter, UserPage, UserPageStart};
use projections_engine::stored::Stored;
use serde::Serialize;

use super::documents::UserDocument;
use frame::pagination::{Cursor, Links, PageRequest, PageStart};
use frame::parameter::SearchText;
use frame::problem::Problem;
use frame::written_json::WrittenJson;

/// A page of staff.
#[derive(Debug, Object)]
#[oai(rename = "UserList", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct UserListDocument {
    items: Vec<UserDocument>,
    /// How many there are on all pages.
    total: u64,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

/// The same page, whose members of staff are sent as they are stored.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredPage<'a> {
    items: &'a [Stored<UserId>],
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

impl UserListDocument {
    /// The text of a page.
    pub(super) fn written(page: &UserPage, next: Option<&Cursor>) -> Result<WrittenJson<Self>, Problem> {
        WrittenJson::written(&StoredPage {
            items: &page.items,
            total: page.total,
            next_cursor: next.map(Cursor::as_str),
        })
    }
}

/// Which members of staff a list is asked for.
pub(super) struct Wanted {
    pub(super) search: Option<SearchText>,
    pub(super) role: Option<Role>,
    pub(super) status: Option<UserStatus>,
}

impl Wanted {
    /// In the words of the read model.
    pub(super) fn filter(&self) -> UserFilter {
        UserFilter {
            roles: self.role.into_iter().collect(),
            status: self.status,
            search: self.search.as_ref().map(|search| search.as_str().to_owned()),
        }
    }

    /// The `Link` header: first, previous, next and last page where they are known.
    pub(super) fn links(&self, request: &PageRequest, page: &UserPage, next: Option<&Cursor>) -> Option<String> {
        let mut shared = vec![("limit", request.limit.0.to_string())];
        shared.extend(self.search.as_ref().map(|search| ("search", search.as_str().to_owned())));
        shared.extend(self.role.map(|role| ("role", role.name().to_owned())));
        shared.extend(self.status.map(|status| ("status", status.code().to_owned())));
        Links::new("/api/v1/users", shared).around(request, Some(page.total), next).header()
    }
}

/// Where a page of staff begins.
pub fn page_start(request: &PageRequest) -> Result<UserPageStart, Problem> {
    Ok(match &request.start {
        PageStart::Number(number) => UserPageStart::Number(number.0),
        PageStart::Cursor(cursor) => UserPageStart::After(cursor.position()?),
    })
}
