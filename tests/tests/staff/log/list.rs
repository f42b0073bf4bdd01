//! What the read model of staff shows.

use domain::ids::{SessionId, StreamVersion, UserId};
use domain::role::Role;
use domain::user::{LoginMethod, UserCommand, UserStatus};
use projections::users::{UserFilter, UserPage, UserPageStart, UserQueries, UserView};
use projections_engine::rebuild::verify;
use system_tests::house::open_practice;
use uuid::Uuid;

use super::{Practice, details};

fn views(page: &UserPage) -> Vec<UserView> {
    page.items.iter().map(|stored| stored.parse().expect("a member of staff")).collect()
}

fn names(page: &UserPage) -> Vec<String> {
    views(page).into_iter().filter_map(|user| user.last_name).collect()
}

const FIRST_PAGE: UserPageStart = UserPageStart::Number(1);

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_listed_by_name_and_page_and_found_by_role_status_and_words() {
    let practice = Practice::new().await;
    let doctor = practice.hire(Role::Doctor, "Énez", "Anaïs").await;
    practice.hire(Role::Nurse, "Abgrall", "Zoé").await;
    practice.invite(Role::Nurse, "Le Goff", "Anaïs").await;
    let suspended = practice.hire(Role::Secretary, "Moal", "Jean-Yves").await;
    practice.change(suspended, UserCommand::SuspendUser).await;
    practice.shown().await;
    let queries = UserQueries::new(practice.log.database().clone());
    let list = async |filter: UserFilter, start, limit| {
        queries.list(practice.facility, &filter, start, limit).await.expect("a page")
    };

    let all = list(UserFilter::default(), &FIRST_PAGE, 50).await;
    assert_eq!(names(&all), ["Abgrall", "Énez", "Le Goff", "Moal"]);
    assert_eq!((all.total, all.next.is_none()), (4, true));
    assert_eq!(all.items[1].id, doctor);
    assert_eq!(views(&all)[1].rpps_number.as_deref(), Some("10002909371"));

    let nurses = list(UserFilter { roles: vec![Role::Nurse], ..UserFilter::default() }, &FIRST_PAGE, 50).await;
    assert_eq!(names(&nurses), ["Abgrall", "Le Goff"]);
    for (status, expected) in [
        (UserStatus::Invited, vec!["Le Goff"]),
        (UserStatus::Suspended, vec!["Moal"]),
        (UserStatus::Active, vec!["Abgrall", "Énez"]),
    ] {
        assert_eq!(
            names(&list(UserFilter { status: Some(status), ..UserFilter::default() }, &FIRST_PAGE, 50).await),
            expected
        );
    }
    for (search, expected) in
        [("anais", vec!["Énez", "Le Goff"]), ("GOFF Ana", vec!["Le Goff"]), ("%", vec![]), ("yves", vec!["Moal"])]
    {
        let filter = UserFilter { search: Some(search.to_owned()), ..UserFilter::default() };
        let found = list(filter, &FIRST_PAGE, 50).await;
        assert_eq!(names(&found), expected, "{search}");
        assert_eq!(found.total, expected.len() as u64, "{search}");
    }

    let second = list(UserFilter::default(), &UserPageStart::Number(2), 3).await;
    assert_eq!(names(&second), ["Moal"]);
    assert_eq!((second.total, second.offset), (4, 3));
    let first = list(UserFilter::default(), &FIRST_PAGE, 2).await;
    let cursor = UserPageStart::After(first.next.expect("another page"));
    assert_eq!(names(&list(UserFilter::default(), &cursor, 2).await), ["Le Goff", "Moal"]);
    // The last of the page moves to the end: whoever follows them is not left out.
    let moved =
        UserCommand::ChangeProfile { details: details(Role::Doctor, "Zerrouki", "Anaïs", "zerrouki@exemple.fr") };
    practice.change(doctor, moved).await;
    practice.shown().await;
    assert_eq!(names(&list(UserFilter::default(), &cursor, 3).await), ["Le Goff", "Moal", "Zerrouki"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_staff_of_another_practice() {
    let practice = Practice::new().await;
    let elsewhere = open_practice(&practice.commands).await;
    let nurse = practice.hire(Role::Nurse, "Abgrall", "Zoé").await;
    practice.shown().await;
    let queries = UserQueries::new(practice.log.database().clone());
    assert!(queries.get(practice.facility, nurse).await.unwrap().is_some());
    assert_eq!(queries.get(elsewhere, nurse).await.unwrap(), None);
    assert_eq!(queries.list(elsewhere, &UserFilter::default(), &FIRST_PAGE, 50).await.unwrap().total, 0);

    // Without its condition a query sees the rows of the practice that the transaction names, and none if it names none.
    let application = practice.house.application_client().await;
    let count =
        async || application.query_one("SELECT count(*) FROM read_model.users", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count().await, 0);
    for (facility, expected) in [(practice.facility, 1), (elsewhere, 0)] {
        let named = format!("SELECT set_config('medicalpro.facility_id', '{facility}', false)");
        application.batch_execute(&named).await.unwrap();
        assert_eq!(count().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_changes_nothing_that_the_file_shows() {
    let practice = Practice::new().await;
    let nurse = practice.hire(Role::Nurse, "Abgrall", "Zoé").await;
    let session_id = SessionId(Uuid::now_v7());
    let log_in = UserCommand::LogIn { session_id, method: LoginMethod::Password };
    practice.change(nurse, log_in).await;
    practice.change(nurse, UserCommand::LogOut { session_id }).await;
    practice.shown().await;
    let shown =
        UserQueries::new(practice.log.database().clone()).view(practice.facility, nurse).await.unwrap().unwrap();
    assert_eq!((shown.status, shown.version), (UserStatus::Active, StreamVersion::from(2)));

    // So the version that somebody read before is not stale, on this server and on another.
    let context = commands::CommandContext { if_match: Some(vec![shown.version]), ..practice.context() };
    let other_server = practice.house.open_commands().await;
    let suspended = other_server.change_user(nurse, &UserCommand::SuspendUser, &context).await.expect("not stale");
    assert_eq!((suspended.after.version, suspended.after.shown_version), (5.into(), 5.into()));
    let again = practice.commands.change_user(nurse, &UserCommand::ReinstateUser, &context).await;
    assert!(matches!(again, Err(commands::CommandError::Stale { actual }) if actual == 5.into()), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_made_again_shows_the_same_staff_and_settings() {
    let practice = Practice::new().await;
    for number in 0..20_u8 {
        let name = format!("Le {}", char::from(b'A' + number));
        let nurse: UserId = practice.hire(Role::Nurse, &name, "Zoé").await;
        practice.change(nurse, UserCommand::EnableMfa).await;
        let log_in = UserCommand::LogIn { session_id: SessionId(Uuid::now_v7()), method: LoginMethod::PasswordTotp };
        practice.change(nurse, log_in).await;
    }
    practice.shown().await;
    for projection in projections::all() {
        let report = verify(&practice.log, &practice.house.owner, projection.as_ref(), |_| {}).await.unwrap();
        assert!(report.differences.is_empty(), "{:?}", report.differences);
    }
}
