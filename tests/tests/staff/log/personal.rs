//! What the log keeps of staff, and for whom.

use commands::CommandError;
use domain::aggregate::AggregateRoot;
use domain::ids::{StreamVersion, UserId};
use domain::role::Role;
use domain::user::{User, UserCommand};
use system_tests::house::open_practice;
use uuid::Uuid;

use super::{Practice, details};

#[tokio::test(flavor = "multi_thread")]
async fn an_email_address_is_of_one_member_of_staff_in_all_practices() {
    let practice = Practice::new().await;
    let take = async |facility, email: &str| {
        let details = details(Role::Nurse, "Abgrall", "Zoé", email);
        let context = commands::CommandContext::system(facility);
        practice.commands.register_user(UserId(Uuid::now_v7()), Role::Nurse, &details, &context).await
    };
    let holder = take(practice.facility, "Zoe.Abgrall@exemple.fr").await.expect("registered").id;
    let elsewhere = open_practice(&practice.commands).await;
    for facility in [practice.facility, elsewhere] {
        let outcome = take(facility, "zoe.abgrall@EXEMPLE.fr").await;
        let Err(CommandError::Reserved(holders)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(
            holders.iter().map(|held| (held.kind.as_str(), held.stream.id())).collect::<Vec<_>>(),
            [("user_email", holder)]
        );
    }
    // Another address frees the first.
    let moved = UserCommand::ChangeProfile { details: details(Role::Nurse, "Abgrall", "Zoé", "zoe@exemple.fr") };
    practice.change(UserId(holder), moved).await;
    take(elsewhere, "zoe.abgrall@exemple.fr").await.expect("free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_taken_on_by_a_practice_that_was_never_opened() {
    let practice = Practice::new().await;
    let details = details(Role::Nurse, "Abgrall", "Zoé", "zoe@exemple.fr");
    let context = commands::CommandContext::system(Uuid::now_v7().into());
    let outcome = practice.commands.register_user(Uuid::now_v7().into(), Role::Nurse, &details, &context).await;
    assert!(matches!(outcome, Err(CommandError::NotFound)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_staff_of_another_practice_does_not_exist() {
    let practice = Practice::new().await;
    let nurse = practice.hire(Role::Nurse, "Abgrall", "Zoé").await;
    let elsewhere = commands::CommandContext::system(open_practice(&practice.commands).await);
    let outcome = practice.commands.change_user(nurse, &UserCommand::SuspendUser, &elsewhere).await;
    assert!(matches!(outcome, Err(CommandError::NotFound)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_somebody_is_stands_under_a_key_of_their_own() {
    let practice = Practice::new().await;
    let nurse = practice.hire(Role::Nurse, "Abgrall", "Zoé").await;
    let owner = practice.house.owner_client().await;
    for table in ["log.events", "log.key_reservations"] {
        for row in owner.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap() {
            let text: String = row.get(0);
            assert!(!text.contains("Abgrall") && !text.contains("@exemple.fr"), "{table}: {text}");
        }
    }

    owner
        .execute("UPDATE keys.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject_id = $1", &[&nurse.0])
        .await
        .unwrap();
    let events = practice.log.load(&User::stream(nurse.0), StreamVersion::ZERO).await.unwrap();
    assert!(events[0].forgotten);
    assert_eq!(*events[0].payload, serde_json::json!({"role": "nurse"}));
    let forgotten = practice.house.open_commands().await.load::<User>(practice.facility, nurse.0).await.unwrap();
    let forgotten = forgotten.expect("still there").aggregate;
    assert_eq!((forgotten.role, forgotten.profile.value()), (Some(Role::Nurse), None));
}
