//! There is always somebody who can give accounts and permissions.

use commands::{CommandContext, CommandError};
use domain::role::Role;
use domain::user::{UserCommand, UserError};
use system_tests::house::open_practice;

use super::{Practice, hire};

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_who_can_log_in_is_not_lost() {
    let practice = Practice::new().await;
    let first = practice.hire(Role::Admin, "Kerjean", "Ana").await;
    let second = practice.hire(Role::Admin, "Le Du", "Jo").await;
    // Neither of these two can do anything for the practice.
    practice.invite(Role::Admin, "Morvan", "Léa").await;
    hire(&practice.commands, open_practice(&practice.commands).await, Role::Admin, "Rolland", "Max").await;

    practice.change(first, UserCommand::SuspendUser).await;
    for command in [UserCommand::SuspendUser, UserCommand::AssignRole { role: Role::Secretary }] {
        let outcome = practice.commands.change_user(second, &command, &practice.context()).await;
        assert!(matches!(outcome, Err(CommandError::Refused(UserError::LastAdmin))), "{outcome:?}");
    }
    practice.change(first, UserCommand::ReinstateUser).await;
    practice.change(second, UserCommand::AssignRole { role: Role::Secretary }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_administrators_who_suspend_each_other_at_once_one_stays() {
    let practice = Practice::new().await;
    let other_server = practice.house.open_commands().await;
    for _ in 0..10 {
        let facility = open_practice(&practice.commands).await;
        let context = CommandContext::system(facility);
        let first = hire(&practice.commands, facility, Role::Admin, "Kerjean", "Ana").await;
        let second = hire(&practice.commands, facility, Role::Admin, "Le Du", "Jo").await;
        let outcomes = tokio::join!(
            practice.commands.change_user(first, &UserCommand::SuspendUser, &context),
            other_server.change_user(second, &UserCommand::SuspendUser, &context),
        );
        let one_stays = matches!(
            outcomes,
            (Ok(_), Err(CommandError::Refused(UserError::LastAdmin)))
                | (Err(CommandError::Refused(UserError::LastAdmin)), Ok(_))
        );
        assert!(one_stays, "{outcomes:?}");
    }
}
