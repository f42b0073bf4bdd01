//! The read model of staff: who they are, what they do, and whether they can log in. Who came and went is not here.

mod queries;
mod view;

use std::collections::{HashMap, HashSet};

use domain::aggregate::AggregateRoot;
use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::{FacilityId, StreamVersion, UserId};
use domain::role::Role;
use domain::user::{User, UserEvent};
use domain::values::{CodeValue, TextValue, fold};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use self::queries::{UserCursor, UserFilter, UserPage, UserPageStart, UserQueries};
pub use self::view::UserView;
use crate::folding::follow;
use crate::projection::{Projection, ProjectionError, Transaction};

/// The key of a name that was erased: it sorts behind every name.
const NO_KEY: &str = "\u{10FFFF}";

const MALFORMED: ProjectionError = ProjectionError::Malformed("users.account");

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Users;

impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["users"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/users/schema.sql")
    }

    /// Not the many that a file does not show.
    fn takes(&self, event_type: &str) -> bool {
        User::shows(event_type) && UserEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut files = known_users(events, tx).await?;
            follow_all(events, &mut files)?;
            write(&files, tx).await
        }
        .boxed()
    }
}

/// Somebody's row.
struct File {
    facility: FacilityId,
    user: User,
    /// The version of the last event that the file shows.
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The rows of those people of the batch who were registered before it.
async fn known_users(events: &[RecordedEvent], tx: &Transaction<'_>) -> Result<HashMap<UserId, File>, ProjectionError> {
    let changed: HashSet<Uuid> = events.iter().map(|event| event.stream.id()).collect();
    let changed: Vec<Uuid> = changed.into_iter().collect();
    let find = tx.prepare_cached(include_str!("../../sql/users/known.sql")).await?;
    let rows = tx.query(&find, &[&changed]).await?;
    rows.iter()
        .map(|row| {
            let file = File {
                facility: FacilityId(row.try_get("facility_id")?),
                user: serde_json::from_value(row.try_get("account")?).map_err(|_| MALFORMED)?,
                version: StreamVersion::from_sql(row.try_get("version")?),
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            };
            Ok((UserId(row.try_get("user_id")?), file))
        })
        .collect()
}

fn follow_all(events: &[RecordedEvent], files: &mut HashMap<UserId, File>) -> Result<(), ProjectionError> {
    for event in events {
        let file = files.entry(UserId(event.stream.id())).or_insert_with(|| File {
            facility: event.facility_id,
            user: User::default(),
            version: StreamVersion::ZERO,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
        });
        // Between two events that the file shows there may be others. The first of all is the registration.
        let in_step = match file.version {
            StreamVersion::ZERO => event.version == StreamVersion::ZERO.next(),
            before => event.version > before,
        };
        if !in_step {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut file.user, event)?;
        (file.version, file.updated_at) = (event.version, event.recorded_at);
    }
    Ok(())
}

async fn write(files: &HashMap<UserId, File>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut roles, mut statuses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut last_name_keys, mut first_name_keys, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let (mut accounts, mut versions): (Vec<Value>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    for (id, File { facility, user, version, created_at, updated_at }) in files {
        let profile = user.profile.value();
        facilities.push(facility.0);
        ids.push(id.0);
        roles.push(user.role.map_or("", Role::name));
        statuses.push(user.status().code());
        last_name_keys.push(profile.map_or_else(|| NO_KEY.to_owned(), |profile| fold(profile.last_name.as_str())));
        first_name_keys.push(profile.map_or_else(|| NO_KEY.to_owned(), |profile| fold(profile.first_name.as_str())));
        words.push(words_of(user));
        accounts.push(serde_json::to_value(user).map_err(|_| MALFORMED)?);
        versions.push(version.to_sql());
        created.push(*created_at);
        updated.push(*updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/users/upsert.sql")).await?;
    tx.execute(
        &upsert,
        &[
            &facilities,
            &ids,
            &roles,
            &statuses,
            &last_name_keys,
            &first_name_keys,
            &words,
            &accounts,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// By what somebody is found: the words of their names, their e-mail address and their numbers, each behind a space.
fn words_of(user: &User) -> String {
    let mut words = Vec::new();
    if let Some(profile) = user.profile.value() {
        words.extend([fold(profile.last_name.as_str()), fold(profile.first_name.as_str())]);
        words.push(profile.email.as_str().to_lowercase());
    }
    words.extend(user.profession.rpps_number.iter().map(|number| number.as_str().to_lowercase()));
    words.extend(user.profession.adeli_number.iter().map(|number| number.as_str().to_lowercase()));
    words.iter().map(|word| format!(" {word}")).collect()
}

/// What is searched for, taken apart as [`words_of`] puts it together.
fn searched(search: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in search.split_whitespace() {
        if token.contains(|c: char| c == '@' || c.is_ascii_digit()) {
            words.push(token.to_lowercase());
        } else {
            words.extend(fold(token).split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::view::tests::anais;

    #[test]
    fn staff_are_found_by_names_email_and_numbers() {
        assert_eq!(words_of(&anais()), " le goff anais anais.legoff@exemple.fr 10002909371 2a1234567");
        let found = |search: &str| searched(search).iter().all(|word| words_of(&anais()).contains(&format!(" {word}")));
        for search in ["", "ANAÏS", "le-goff", "goff ana", "Anais.LeGoff@", "10002909371", "2A12"] {
            assert!(found(search), "{search}");
        }
        for search in ["off", "anais martin", "exemple", "0002909371"] {
            assert!(!found(search), "{search}");
        }
    }

    #[test]
    fn who_came_and_went_is_not_taken() {
        assert!(Users.takes("UserRegistered") && Users.takes("PasswordChanged"));
        for other in ["LoggedIn", "LoginRefused", "PatientRegistered"] {
            assert!(!Users.takes(other), "{other}");
        }
    }
}
