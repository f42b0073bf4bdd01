//! Queries on staff: one member, and pages of the list.

use std::collections::HashMap;

use domain::ids::{FacilityId, StreamVersion, UserId};
use domain::role::Role;
use domain::user::UserStatus;
use domain::values::CodeValue;
use event_store_schema::Database;
use projections_engine::reading::{QueryError, read};
use projections_engine::stored::Stored;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use super::view::UserView;
use super::{DOCUMENT, searched};

/// Which members of staff are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Those of these roles; all if none is named.
    pub roles: Vec<Role>,
    /// Those of this status; all if none is named.
    pub status: Option<UserStatus>,
    /// Those in whom each word begins a word of the names, the e-mail address or one of the numbers, whatever the case and
    /// the accents.
    pub search: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserPageStart {
    /// At the page of this number, counted from 1.
    Number(u32),
    /// After the page that gave this cursor, of the same list.
    After(UserCursor),
}

/// The end of a page. It holds no name: cursors stand in addresses, and addresses in the logs of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserCursor {
    /// The page's last member of staff.
    #[serde(rename = "u")]
    user: UserId,
    /// The version they had.
    #[serde(rename = "v")]
    version: StreamVersion,
    /// How many come before the next page.
    #[serde(rename = "o")]
    offset: u64,
}

/// A page of staff.
#[derive(Clone, Debug, PartialEq)]
pub struct UserPage {
    /// The members of staff, by family name and first name.
    pub items: Vec<Stored<UserId>>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many come before this page.
    pub offset: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<UserCursor>,
}

/// Queries on staff.
#[derive(Clone)]
pub struct UserQueries(Database);

impl UserQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// One member of staff, as sent.
    pub async fn get(&self, facility: FacilityId, id: UserId) -> Result<Option<Stored<UserId>>, QueryError> {
        let get = include_str!("../../sql/users/get.sql");
        let [rows] = read(&self.0, facility, "user", [(get, &[&facility.0, &id.0])]).await?;
        rows.first().map(stored).transpose()
    }

    /// One member of staff, for code that needs a field of theirs.
    pub async fn view(&self, facility: FacilityId, id: UserId) -> Result<Option<UserView>, QueryError> {
        let stored = self.get(facility, id).await?;
        Ok(stored.map(|stored| stored.parse()).transpose()?)
    }

    /// The names of these members of staff, first name first. An erased one has none.
    pub async fn names(&self, facility: FacilityId, ids: &[UserId]) -> Result<HashMap<UserId, String>, QueryError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let some = include_str!("../../sql/users/names.sql");
        let [rows] = read(&self.0, facility, "user_names", [(some, &[&facility.0, &ids])]).await?;
        rows.iter().map(|row| Ok((UserId(row.try_get("user_id")?), row.try_get("name")?))).collect()
    }

    /// A page of at most `limit` members of staff.
    pub async fn list(
        &self,
        facility: FacilityId,
        filter: &UserFilter,
        start: &UserPageStart,
        limit: u32,
    ) -> Result<UserPage, QueryError> {
        let roles = if filter.roles.is_empty() { &Role::ALL[..] } else { &filter.roles };
        let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        let statuses: Vec<&str> = match filter.status {
            Some(status) => vec![status.code()],
            None => UserStatus::ALL.iter().map(|status| status.code()).collect(),
        };
        let search = filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
        let words = search.map(searched);
        let (last, offset, otherwise) = match start {
            UserPageStart::Number(number) => {
                let before = u64::from(number.saturating_sub(1)).saturating_mul(limit.into());
                ((Uuid::nil(), 0), before, before)
            }
            // If the last one has changed since, they may have moved: rather show one twice than leave one out.
            UserPageStart::After(UserCursor { user, version, offset }) => {
                ((user.0, version.to_sql()), *offset, offset.saturating_sub(1))
            }
        };
        if words.as_ref().is_some_and(Vec::is_empty) {
            // Nothing in it could ever match.
            return Ok(UserPage { items: Vec::new(), total: 0, offset, next: None });
        }
        let words = words.unwrap_or_default();
        let otherwise = i64::try_from(otherwise).unwrap_or(i64::MAX);
        // One more than the page holds tells whether there is another.
        let asked = i64::from(limit) + 1;
        let page = include_str!("../../sql/users/page.sql");
        let total = include_str!("../../sql/users/total.sql");
        let [rows, total] = read(
            &self.0,
            facility,
            "users",
            [
                (page, &[&facility.0, &roles, &statuses, &words, &last.0, &last.1, &otherwise, &asked]),
                (total, &[&facility.0, &roles, &statuses, &words]),
            ],
        )
        .await?;
        let items = rows.iter().take(limit as usize).map(stored).collect::<Result<Vec<_>, _>>()?;
        let next = match items.last() {
            Some(last) if rows.len() > items.len() => {
                Some(UserCursor { user: last.id, version: last.version, offset: offset + items.len() as u64 })
            }
            Some(_) | None => None,
        };
        let total: i64 = total.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(UserPage { items, total: total.unsigned_abs(), offset, next })
    }
}

fn stored(row: &Row) -> Result<Stored<UserId>, QueryError> {
    Ok(Stored::from_row(row, UserId(row.try_get("user_id")?), "document", DOCUMENT)?)
}
