use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use jiff::Timestamp;

use super::*;
use crate::event::LoggedEvent;
use crate::ids::SessionId;
use crate::reservation::{KeyKind, KeyScope, Reservation, UniqueKey};
use crate::testing::ThenNothing;
use crate::values::{EmailAddress, FirstName, LastName, PhoneNumber, Rpps, RuleBroken, Specialty, TextValue};

type UserTest = TestFramework<User>;

const SESSION: SessionId = SessionId(Uuid::from_u128(9));
const ALONE: Colleagues = Colleagues { another_admin: false };
const NOT_ALONE: Colleagues = Colleagues { another_admin: true };

fn given(events: Vec<UserEvent>) -> cqrs_es::test::AggregateTestExecutor<User> {
    UserTest::with(ALONE).given(events)
}

fn details(rpps: Option<&str>) -> UserDetails {
    UserDetails {
        profile: Profile {
            last_name: LastName::parse("Kermarrec").unwrap(),
            first_name: FirstName::parse("Anaïs").unwrap(),
            email: EmailAddress::parse("Anais.Kermarrec@exemple.fr").unwrap(),
            phone: None,
        },
        profession: Profession {
            rpps_number: rpps.map(|number| Rpps::parse(number).unwrap()),
            ..Profession::default()
        },
    }
}

fn registered(role: Role) -> UserEvent {
    let UserDetails { profile, profession } = details((role == Role::Doctor).then_some("10002909371"));
    UserEvent::UserRegistered { role, profession, personal: Revealed::Value(profile) }
}

fn first_password() -> UserEvent {
    UserEvent::PasswordChanged { by: PasswordOccasion::Invitation }
}

fn active(role: Role) -> Vec<UserEvent> {
    vec![registered(role), first_password()]
}

fn suspended(role: Role) -> Vec<UserEvent> {
    vec![registered(role), first_password(), UserEvent::UserSuspended {}]
}

fn refused(outcome: Result<Vec<UserEvent>, UserError>) -> Vec<(String, &'static str)> {
    let Err(UserError::Invalid(violations)) = outcome else { panic!("the command was not refused") };
    violations.into_iter().map(|violation| (violation.field, violation.rule)).collect()
}

fn specialty(code: &str) -> Specialty {
    Specialty::parse(code).unwrap()
}

#[test]
fn a_member_of_staff_is_registered_once() {
    let register = UserCommand::RegisterUser { role: Role::Nurse, details: details(None) };
    given(vec![]).when(register.clone()).then_expect_events(vec![registered(Role::Nurse)]);
    given(vec![registered(Role::Nurse)]).when(register).then_expect_error(UserError::AlreadyRegistered);
}

#[test]
fn a_doctor_has_an_rpps_number() {
    let required = [("rppsNumber".to_owned(), "rpps_required")];
    let register = UserCommand::RegisterUser { role: Role::Doctor, details: details(None) };
    assert_eq!(refused(given(vec![]).when(register).inspect_result()), required);
    let assign = UserCommand::AssignRole { role: Role::Doctor };
    assert_eq!(refused(given(active(Role::Nurse)).when(assign).inspect_result()), required);
    let without = UserCommand::ChangeProfile { details: details(None) };
    assert_eq!(refused(given(active(Role::Doctor)).when(without).inspect_result()), required);
}

#[test]
fn nobody_has_a_specialty_twice() {
    let mut twice = details(None);
    twice.profession.specialties = vec![specialty("SM54"), specialty("SM26"), specialty("SM54")];
    let outcome = given(active(Role::Nurse)).when(UserCommand::ChangeProfile { details: twice }).inspect_result();
    assert_eq!(refused(outcome), [("specialties[2]".to_owned(), "duplicate_specialty")]);
}

#[test]
fn somebody_has_ten_specialties_at_most() {
    let with = |codes: &[&str]| {
        let mut details = details(None);
        details.profession.specialties = codes.iter().map(|code| specialty(code)).collect();
        given(active(Role::Nurse)).when(UserCommand::ChangeProfile { details }).inspect_result()
    };
    let codes: Vec<_> = Specialty::all().map(|(code, _)| code).take(11).collect();
    assert!(with(&codes[..10]).is_ok());
    assert_eq!(refused(with(&codes)), [("specialties".to_owned(), "too_many_specialties")]);
}

#[test]
fn a_change_of_profile_names_the_fields_and_no_value() {
    let mut changed = details(None);
    changed.profile.phone = Some(PhoneNumber::parse("02 61 91 00 20").unwrap());
    changed.profession.specialties = vec![specialty("SI01")];
    let UserDetails { profile, profession } = changed.clone();
    let fields_changed = vec!["phone".to_owned(), "specialties".to_owned()];
    let event = UserEvent::UserProfileChanged { fields_changed, profession, personal: Revealed::Value(profile) };
    let change = UserCommand::ChangeProfile { details: changed };
    given(active(Role::Nurse)).when(change.clone()).then_expect_events(vec![event.clone()]);
    given([active(Role::Nurse), vec![event]].concat()).when(change).then_nothing_happened();
}

#[test]
fn an_invitation_leads_to_the_first_password_and_a_reset_to_another() {
    let expires_at = Timestamp::UNIX_EPOCH;
    let invite = UserCommand::InviteUser { expires_at };
    let reset = UserCommand::StartPasswordReset { expires_at };
    let invited = vec![registered(Role::Nurse), UserEvent::UserInvited { expires_at }];
    given(invited.clone()).when(invite.clone()).then_expect_events(vec![UserEvent::UserInvited { expires_at }]);
    given(invited.clone()).when(reset.clone()).then_expect_error(UserError::NotActivated);

    let choose = |by| UserCommand::ChangePassword { by };
    let chosen = |by| vec![UserEvent::PasswordChanged { by }];
    let first = PasswordOccasion::Invitation;
    given(invited.clone()).when(choose(PasswordOccasion::Reset)).then_expect_error(UserError::NotActivated);
    given(invited).when(choose(first)).then_expect_events(chosen(first));

    given(active(Role::Nurse)).when(invite).then_expect_error(UserError::AlreadyActivated);
    given(active(Role::Nurse)).when(choose(first)).then_expect_error(UserError::AlreadyActivated);
    given(active(Role::Nurse)).when(reset).then_expect_events(vec![UserEvent::PasswordResetStarted { expires_at }]);
    for by in [PasswordOccasion::Change, PasswordOccasion::Reset] {
        given(active(Role::Nurse)).when(choose(by)).then_expect_events(chosen(by));
    }
}

#[test]
fn somebody_suspended_is_shut_out_until_reinstated() {
    let expires_at = Timestamp::UNIX_EPOCH;
    for command in [
        UserCommand::LogIn { session_id: SESSION, method: LoginMethod::Password },
        UserCommand::InviteUser { expires_at },
        UserCommand::StartPasswordReset { expires_at },
        UserCommand::ChangePassword { by: PasswordOccasion::Change },
        UserCommand::EnableMfa,
        UserCommand::SuspendUser,
    ] {
        given(suspended(Role::Nurse)).when(command).then_expect_error(UserError::Suspended);
    }
    let back = vec![UserEvent::UserReinstated { role: Role::Nurse }];
    given(suspended(Role::Nurse)).when(UserCommand::ReinstateUser).then_expect_events(back);
    given(active(Role::Nurse)).when(UserCommand::ReinstateUser).then_expect_error(UserError::NotSuspended);
}

#[test]
fn nobody_logs_in_before_they_chose_a_password() {
    let log_in = UserCommand::LogIn { session_id: SESSION, method: LoginMethod::Password };
    let logged_in = UserEvent::LoggedIn { session_id: SESSION, method: LoginMethod::Password };
    given(vec![registered(Role::Nurse)]).when(log_in.clone()).then_expect_error(UserError::NotActivated);
    given(active(Role::Nurse)).when(log_in).then_expect_events(vec![logged_in]);
}

#[test]
fn the_last_active_administrator_stays() {
    let losses = || [UserCommand::SuspendUser, UserCommand::AssignRole { role: Role::Secretary }];
    for command in losses() {
        given(active(Role::Admin)).when(command).then_expect_error(UserError::LastAdmin);
    }
    for command in losses() {
        let outcome = UserTest::with(NOT_ALONE).given(active(Role::Admin)).when(command).inspect_result();
        assert_eq!(outcome.map(|events| events.len()), Ok(1));
    }
    // Somebody who never came in administers nothing.
    for command in losses() {
        let outcome = given(vec![registered(Role::Admin)]).when(command).inspect_result();
        assert_eq!(outcome.map(|events| events.len()), Ok(1));
    }
}

#[test]
fn a_role_that_somebody_has_is_not_assigned_again() {
    given(active(Role::Admin)).when(UserCommand::AssignRole { role: Role::Admin }).then_nothing_happened();
    let assigned = vec![UserEvent::RoleAssigned { role: Role::Secretary }];
    given(active(Role::Nurse)).when(UserCommand::AssignRole { role: Role::Secretary }).then_expect_events(assigned);
}

#[test]
fn a_second_factor_is_there_or_not() {
    let with_one = || [active(Role::Nurse), vec![UserEvent::MfaEnabled {}]].concat();
    given(active(Role::Nurse)).when(UserCommand::EnableMfa).then_expect_events(vec![UserEvent::MfaEnabled {}]);
    given(with_one()).when(UserCommand::EnableMfa).then_expect_error(UserError::MfaAlreadyEnabled);
    for (command, event) in [
        (UserCommand::DisableMfa, UserEvent::MfaDisabled {}),
        (UserCommand::UseRecoveryCode, UserEvent::RecoveryCodeUsed {}),
    ] {
        given(with_one()).when(command.clone()).then_expect_events(vec![event]);
        given(active(Role::Nurse)).when(command).then_expect_error(UserError::MfaNotEnabled);
    }
}

/// What is reported of an account, and as which event it is written down.
fn reports() -> Vec<(UserCommand, UserEvent)> {
    let (session_id, until) = (SESSION, Timestamp::UNIX_EPOCH);
    let (cause, by) = (RefusalCause::Suspended, SessionEnder::Suspension);
    vec![
        (UserCommand::RefuseLogin { cause }, UserEvent::LoginRefused { cause }),
        (UserCommand::LockAccount { until }, UserEvent::AccountLocked { until }),
        (UserCommand::UnlockAccount, UserEvent::AccountUnlocked {}),
        (UserCommand::LogOut { session_id }, UserEvent::LoggedOut { session_id }),
        (UserCommand::ReportRefreshTokenReuse { session_id }, UserEvent::RefreshTokenReused { session_id }),
        (UserCommand::RevokeSession { session_id, by }, UserEvent::SessionRevoked { session_id, by }),
    ]
}

#[test]
fn what_happened_to_an_account_is_written_down_whatever_its_state() {
    for (command, event) in reports() {
        given(suspended(Role::Nurse)).when(command).then_expect_events(vec![event]);
    }
}

#[test]
fn nothing_happens_to_somebody_who_was_never_registered() {
    let commands = [
        UserCommand::ChangeProfile { details: details(None) },
        UserCommand::AssignRole { role: Role::Nurse },
        UserCommand::SuspendUser,
        UserCommand::ReinstateUser,
        UserCommand::ChangePassword { by: PasswordOccasion::Invitation },
        UserCommand::DisableMfa,
    ];
    for command in commands.into_iter().chain(reports().into_iter().map(|(command, _)| command)) {
        given(vec![]).when(command).then_expect_error(UserError::NotRegistered);
    }
}

#[test]
fn events_that_the_file_does_not_show_leave_it_as_it_was() {
    for name in event::NOT_SHOWN {
        assert!(UserEvent::TYPES.iter().any(|(known, _)| *known == name), "{name}");
    }
    let mut user = User::default();
    active(Role::Nurse).into_iter().for_each(|event| user.apply(event));
    for (_, event) in reports() {
        assert!(!User::shows(&event.event_type()), "{}", event.event_type());
        let mut after = user.clone();
        after.apply(event);
        assert_eq!(after, user);
    }
    assert!(User::shows("UserSuspended"));
}

fn keys(event: &UserEvent, wanted: KeyKind) -> Option<Vec<UniqueKey>> {
    event.reservations().into_iter().find_map(|reservation| match reservation {
        Reservation::Keys { kind, keys } if kind == wanted => Some(keys),
        Reservation::Keys { .. } | Reservation::Times { .. } => None,
    })
}

#[test]
fn an_email_address_is_of_one_person_everywhere_whatever_its_case() {
    let key = UniqueKey { scope: KeyScope::Everywhere, value: "anais.kermarrec@exemple.fr".to_owned(), shared: false };
    assert_eq!(keys(&registered(Role::Nurse), KeyKind::UserEmail), Some(vec![key]));
    assert_eq!(keys(&UserEvent::UserSuspended {}, KeyKind::UserEmail), None);
}

#[test]
fn administrators_are_known_by_a_key_that_they_share() {
    let holds = |event: &UserEvent| keys(event, KeyKind::FacilityAdmin).map(|keys| keys.len());
    assert_eq!(holds(&registered(Role::Admin)), Some(1));
    assert!(keys(&registered(Role::Admin), KeyKind::FacilityAdmin).unwrap()[0].shared);
    assert_eq!(holds(&UserEvent::RoleAssigned { role: Role::Admin }), Some(1));
    assert_eq!(holds(&UserEvent::UserReinstated { role: Role::Admin }), Some(1));
    for event in [
        registered(Role::Nurse),
        UserEvent::RoleAssigned { role: Role::Nurse },
        UserEvent::UserReinstated { role: Role::Nurse },
        UserEvent::UserSuspended {},
    ] {
        assert_eq!(holds(&event), Some(0), "{}", event.event_type());
    }
    assert_eq!(holds(&first_password()), None);
}

#[test]
fn a_member_of_staff_is_as_they_were_registered_and_then_changed() {
    let mut user = User::default();
    let UserDetails { profile, profession } = details(Some("10002909371"));
    user.apply(registered(Role::Doctor));
    assert_eq!((user.role, &user.profession, user.profile.value()), (Some(Role::Doctor), &profession, Some(&profile)));
    let mut changed = details(None);
    changed.profile.phone = Some(PhoneNumber::parse("02 61 91 00 20").unwrap());
    let UserDetails { profile, profession } = changed;
    let personal = Revealed::Value(profile.clone());
    user.apply(UserEvent::UserProfileChanged { fields_changed: Vec::new(), profession: profession.clone(), personal });
    assert_eq!((&user.profession, user.profile.value()), (&profession, Some(&profile)));
    let id = Uuid::from_u128(7);
    assert_eq!(user.subject(id), Some(SubjectId(id)), "what they are is their own data");
}

#[test]
fn a_forgotten_member_of_staff_still_folds() {
    let mut user = User::default();
    let personal = Revealed::Forgotten;
    user.apply(UserEvent::UserRegistered { role: Role::Auditor, profession: Profession::default(), personal });
    user.apply(UserEvent::UserSuspended {});
    assert_eq!((user.role, user.status()), (Some(Role::Auditor), UserStatus::Suspended));
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (UserError::NotRegistered, Refusal::NotThere),
        (UserError::AlreadyRegistered, not_now("The user is already registered.")),
        (UserError::AlreadyActivated, not_now("The user has already chosen a password.")),
        (UserError::NotActivated, not_now("The user has not chosen a password yet.")),
        (UserError::Suspended, not_now("The user is suspended.")),
        (UserError::NotSuspended, not_now("The user is not suspended.")),
        (UserError::LastAdmin, not_now("The user is the last active administrator of the facility.")),
        (UserError::MfaAlreadyEnabled, not_now("The user already has a second factor.")),
        (UserError::MfaNotEnabled, not_now("The user has no second factor.")),
        (UserError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
