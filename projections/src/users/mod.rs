//! The read model of staff: who they are, what they do, and whether they can log in. Logins are not in it.

mod queries;
mod view;

use domain::aggregate::AggregateRoot;
use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::UserId;
use domain::role::Role;
use domain::user::{User, UserEvent};
use domain::values::{CodeValue, TextValue, fold};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::folding::{States, changed, follow_from};
use projections_engine::stored::Malformed;
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio_postgres::types::Json;

pub use self::queries::{UserCursor, UserFilter, UserPage, UserPageStart, UserQueries};
pub use self::view::UserView;

/// The key of a name that was erased: it sorts behind every name.
const NO_KEY: &str = "\u{10FFFF}";

const ACCOUNT: &str = "users.account";
const DOCUMENT: &str = "users.document";

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Users;

impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [&'static str] {
        &["users"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/users/schema.sql")
    }

    /// Logins and the like, which are many, are left out.
    fn takes(&self, event_type: &str) -> bool {
        User::shows(event_type) && UserEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let known = include_str!("../../sql/users/known.sql");
            write(&follow_from(changed(events), known, ACCOUNT, events, tx).await?, tx).await
        }
        .boxed()
    }
}

async fn write(files: &States<User>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut roles, mut statuses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut last_name_keys, mut first_name_keys, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let (mut names, mut documents) = (Vec::new(), Vec::new());
    let (mut accounts, mut versions): (Vec<_>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut created, mut updated) = (Vec::new(), Vec::new());
    for (id, file) in files {
        let user = &file.state;
        let profile = user.profile.value();
        // No stream begins with anything but a registration.
        let view = UserView::of(UserId(*id), user, file.version, file.created_at, file.updated_at);
        let view = view.ok_or(Malformed(ACCOUNT))?;
        facilities.push(file.facility_id.0);
        ids.push(*id);
        roles.push(user.role.map_or("", Role::name));
        statuses.push(user.status().code());
        last_name_keys.push(profile.map_or_else(|| NO_KEY.to_owned(), |profile| fold(profile.last_name.as_str())));
        first_name_keys.push(profile.map_or_else(|| NO_KEY.to_owned(), |profile| fold(profile.first_name.as_str())));
        words.push(words_of(user));
        names.push(view.name());
        documents.push(Json(view.document().map_err(|_| Malformed(DOCUMENT))?));
        accounts.push(Json(user));
        versions.push(file.version.to_sql());
        created.push(file.created_at);
        updated.push(file.updated_at);
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
            &names,
            &documents,
            &accounts,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// The words by which a member of staff is found: names, e-mail address and numbers, each behind a space.
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

/// The words of a search, as [`words_of`] puts them together.
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
