//! Logins: whether a storm of them leaves other users alone, and whether the time of a refusal tells who has an account. The
//! accounts are registered ones, and their passwords are hashed as those of people.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::account::Accounts;
use accounts::passwords::Passwords;
use commands::{CommandContext, Commands};
use domain::ids::UserId;
use domain::role::Role;
use domain::user::{PasswordOccasion, Profession, Profile, UserCommand, UserDetails};
use domain::values::{EmailAddress, FirstName, LastName, TextValue};
use event_store_schema::Database;
use futures_util::future::join_all;
use serde_json::json;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::figures::Figures;
use crate::http::{Connection, Target};
use crate::load::{self, Build};
use crate::plan::Plan;
use crate::requests::Practice;
use crate::servers::House;
use crate::{REQUESTS_A_SECOND, USERS, note_latencies};

/// Who log in at the same time, each again as soon as they are in.
const STORM: usize = 200;
const PASSWORD: &str = "cerf volant sur la jetée";
/// How long the storm has blown before the others are watched.
const RISING: Duration = Duration::from_millis(500);
/// Refusals after which the counts of failures are taken back, so that nothing is ever locked.
const UNLOCKED: usize = 10;
/// How long the accounts may take to follow their registrations.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both, on a running practice.
pub async fn run(house: &House, practice: &Arc<Practice>, plan: &Plan, figures: &mut Figures) {
    if !plan.has(plan.refusing + plan.storming) {
        return figures.skipped.push("logins".into());
    }
    hire(house).await;
    // Before anybody came in: from where somebody logged in before, failures are counted otherwise.
    let (known, unknown) = refuse(house, &practice.target, plan.refusing).await;
    println!("        {} refusals each", known.len());
    note_latencies(figures, "login_refused_known", &known);
    note_latencies(figures, "login_refused_unknown", &unknown);

    let (target, users) = (&practice.target, practice.mixed(USERS));
    let (requests, span) = (logins(target), plan.storming);
    let (storm, others) = tokio::join!(load::closed(target, STORM, span + RISING, &requests, 200), async {
        tokio::time::sleep(RISING).await;
        load::arriving(target, USERS, REQUESTS_A_SECOND, span, &users, |status| matches!(status, 200 | 201)).await
    });
    figures.rate("logins_200", storm.rate);
    note_latencies(figures, "login_storm", &storm.micros);
    figures.rate("login_storm_others", others.rate);
    note_latencies(figures, "login_storm_others", &others.micros);
    for (who, failures) in [("logins", storm.failures), ("requests beside logins", others.failures)] {
        if failures > 0 {
            figures.faults.push(format!("{who}: {failures} failed"));
        }
    }
}

/// Registers everybody who will log in, and gives them a password.
pub async fn hire(house: &House) {
    let commands = Commands::new(house.log.clone());
    let accounts = Accounts::new(Database::with_config(house.owner.clone(), 8).expect("settings"));
    let passwords = Passwords::start(NonZeroUsize::MIN, 1).expect("a thread");
    let hash = passwords.hash(PASSWORD.to_owned().into()).await.expect("a hash");
    let context = CommandContext::system(house.facility);
    let everybody = (0..STORM).map(async |number| {
        let user = UserId(Uuid::now_v7());
        let profile = Profile {
            last_name: LastName::parse("Diallo").expect("a name"),
            first_name: FirstName::parse("Mariam").expect("a name"),
            email: EmailAddress::parse(&email("staff", number)).expect("an address"),
            phone: None,
        };
        let details = UserDetails { profile, profession: Profession::default() };
        commands.register_user(user, Role::Secretary, &details, &context).await.expect("a registration");
        let chosen = UserCommand::ChangePassword { by: PasswordOccasion::Invitation };
        commands.change_user(user, &chosen, &context).await.expect("a password");
        let registered = Instant::now();
        while accounts.by_id(user).await.expect("the accounts").is_none() {
            assert!(registered.elapsed() < PATIENCE, "the server makes no account");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        accounts.set_password(user, &hash).await.expect("the accounts");
    });
    join_all(everybody).await;
}

/// How long refusals take of accounts that exist and of others, in turn, in microseconds.
async fn refuse(house: &House, target: &Target, span: Duration) -> (Vec<u64>, Vec<u64>) {
    let (owner, connection) = house.owner.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let mut connection = Connection::open(target).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let started = Instant::now();
    for number in 0.. {
        if number % UNLOCKED == 0 {
            owner.execute("DELETE FROM accounts.login_attempts", &[]).await.expect("no failures");
            if started.elapsed() > span {
                break;
            }
        }
        let (name, micros) = if number % 2 == 0 { ("staff", &mut known) } else { ("nobody", &mut unknown) };
        let request = login(target, &email(name, number / 2 % STORM), "quelque chose d'autre");
        let sent = Instant::now();
        assert_eq!(connection.call(&request).await, 401, "{}", String::from_utf8_lossy(connection.body()));
        micros.push(sent.elapsed().as_micros() as u64);
    }
    (known, unknown)
}

/// Each connection logs in as somebody else.
fn logins(target: &Target) -> Build {
    let target = target.clone();
    Arc::new(move |connection| of_staff(&target, connection))
}

/// A login of one of those whom [`hire`] registered.
pub fn of_staff(target: &Target, number: usize) -> Vec<u8> {
    login(target, &email("staff", number % STORM), PASSWORD)
}

fn login(target: &Target, email: &str, password: &str) -> Vec<u8> {
    target.request("POST", "/auth/login", Some(&json!({"email": email, "password": password})))
}

fn email(name: &str, number: usize) -> String {
    format!("{name}{number}@exemple.fr")
}
