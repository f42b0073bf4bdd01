//! Staff, what a practice decides about their accounts, and restricted files: commands on a real log, and what their read
//! models show.

mod admins;
mod list;
mod personal;
mod practice;
mod restricted;

use std::sync::Arc;
use std::time::Duration;

use commands::{CommandContext, Commands};
use domain::ids::{FacilityId, Position, UserId};
use domain::role::Role;
use domain::user::{PasswordOccasion, Profession, Profile, UserCommand, UserDetails};
use domain::values::{EmailAddress, FirstName, LastName, Rpps, TextValue};
use event_store_schema::EventLog;
use projections_engine::Projections;
use system_tests::house::{House, open_practice};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(10);

/// A practice with its log and its read models, as in one server.
struct Practice {
    house: Arc<House>,
    log: EventLog,
    commands: Commands,
    read_models: Projections,
    facility: FacilityId,
}

impl Practice {
    async fn new() -> Self {
        let house = Arc::new(House::new().await);
        projections_engine::install(&house.owner, &projections::all()).await.expect("tables");
        let log = house.open_log().await;
        let commands = Commands::new(log.clone());
        let facility = open_practice(&commands).await;
        let read_models = Projections::start(log.clone(), projections::all());
        Self { house, log, commands, read_models, facility }
    }

    fn context(&self) -> CommandContext {
        CommandContext::system(self.facility)
    }

    /// Somebody who was registered, and has not chosen a password yet.
    async fn invite(&self, role: Role, last_name: &str, first_name: &str) -> UserId {
        invite(&self.commands, self.facility, role, last_name, first_name).await
    }

    /// Somebody who can log in.
    async fn hire(&self, role: Role, last_name: &str, first_name: &str) -> UserId {
        hire(&self.commands, self.facility, role, last_name, first_name).await
    }

    async fn change(&self, id: UserId, command: UserCommand) -> Option<Position> {
        self.commands.change_user(id, &command, &self.context()).await.expect("it is allowed").position
    }

    /// Waits until the read models show all there is.
    async fn shown(&self) {
        let head = self.log.head().await.expect("the log answers");
        assert!(self.read_models.wait_for(head, SOON).await);
    }
}

async fn invite(commands: &Commands, facility: FacilityId, role: Role, last_name: &str, first_name: &str) -> UserId {
    let id = UserId(Uuid::now_v7());
    let details = details(role, last_name, first_name, &format!("u{id}@exemple.fr"));
    commands.register_user(id, role, &details, &CommandContext::system(facility)).await.expect("registered");
    id
}

async fn hire(commands: &Commands, facility: FacilityId, role: Role, last_name: &str, first_name: &str) -> UserId {
    let id = invite(commands, facility, role, last_name, first_name).await;
    let chosen = UserCommand::ChangePassword { by: PasswordOccasion::Invitation };
    commands.change_user(id, &chosen, &CommandContext::system(facility)).await.expect("chosen");
    id
}

fn details(role: Role, last_name: &str, first_name: &str, email: &str) -> UserDetails {
    UserDetails {
        profile: Profile {
            last_name: LastName::parse(last_name).expect("a value"),
            first_name: FirstName::parse(first_name).expect("a value"),
            email: EmailAddress::parse(email).expect("a value"),
            phone: None,
        },
        profession: Profession {
            rpps_number: (role == Role::Doctor).then(|| Rpps::parse("10002909371").expect("a value")),
            ..Profession::default()
        },
    }
}
