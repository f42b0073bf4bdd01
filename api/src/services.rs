//! What runs behind the interface of one server: the log, the commands over it, the read models, the publisher and the
//! live screens; and how each of them is doing.

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use domain::values::{Channel, CodeValue};
use event_store_schema::{AccessTrail, Database, DatabaseError, EventLog};
use futures_util::future::BoxFuture;
use projections::publisher::{self, NatsNames, Publisher};
use projections_engine::following::{self, Follower, Policy};
use projections_engine::{ProjectionState, Projections};
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use crate::auth::tokens::AccessTokens;
use crate::http::server::PlainRoute;
use crate::messaging::{ChannelHealth, Messengers};
use crate::patient_links::{AppointmentDesk, LinkDesk, LinkKind, PatientLinks, patient_pages};
use crate::program::ProgramError;
use crate::realtime::{Realtime, RealtimeSettings};
use crate::reminders::{ReminderClock, Reminders};
use crate::resources::health::{Finding, Readiness};
use crate::shutdown::Shutdown;
use crate::state::AppState;
use crate::waiting::{OfferDesk, WaitingPolicy};

/// A projection that is further behind than this is worth an operator's look.
const NOTABLE_LAG: u64 = 10_000;

/// How often the use of the pool is looked at.
const POOL_LOOK: Duration = Duration::from_secs(1);

/// The running services of a server.
pub struct Services {
    /// What operations work with.
    pub state: AppState,
    /// What is served beside the operations.
    pub routes: Vec<PlainRoute>,
    /// How the services are doing.
    pub readiness: Readiness,
    /// What has to be stopped.
    pub running: Running,
}

impl Services {
    /// Starts everything that works in the background. Without NATS, live screens follow the log alone. `owner` is as whom
    /// read models of an older release are rebuilt.
    #[allow(clippy::too_many_arguments, reason = "each is a part that the services are put together from")]
    pub async fn start(
        log: EventLog,
        trail: AccessTrail,
        owner: Config,
        tokens: &Arc<AccessTokens>,
        nats_url: Option<&str>,
        realtime: RealtimeSettings,
        messengers: Messengers,
        links: PatientLinks,
        reminder_clock: ReminderClock,
        shutdown: &Shutdown,
    ) -> Result<Self, ProgramError> {
        let read_models = Projections::start_as_owner(log.clone(), owner, projections::all());
        let nats = match nats_url {
            Some(url) => Some((publisher::connect(url).await?, NatsNames::default())),
            None => None,
        };
        let publisher = nats
            .clone()
            .map(|(client, names)| Arc::new(Publisher::start(log.clone(), read_models.clone(), client, names)));
        let tokens = Arc::clone(tokens);
        let realtime =
            Realtime::start(log.clone(), trail.clone(), read_models.clone(), nats, tokens, realtime, shutdown).await?;
        shutdown.spawn(observe_pool(log.database().clone(), shutdown.background()));
        let mut readiness = readiness(log.database(), &read_models, publisher.as_ref(), &messengers);
        let commands = Commands::new(log.clone());
        let appointments: Arc<dyn LinkDesk> = Arc::new(AppointmentDesk::new(commands.clone()));
        let offers: Arc<dyn LinkDesk> = Arc::new(OfferDesk::new(commands.clone()));
        let desks = [(LinkKind::Appointment, appointments), (LinkKind::Offer, offers)];
        let pages = patient_pages(links.clone(), desks);
        let reminders = Reminders::new(commands.clone(), messengers.clone(), Some(links.clone()), reminder_clock);
        let state = AppState::new(commands, read_models.clone(), trail)
            .reaching_patients(messengers, links)
            .warning(realtime.stale_changes());
        // Before anybody is answered: what happens from now on is followed.
        let mut policies = Vec::new();
        let followed: [Arc<dyn Policy>; 2] = [Arc::new(WaitingPolicy::new(state.clone())), Arc::new(reminders.clone())];
        for policy in followed {
            let name = policy.name();
            following::install(&log, name).await?;
            let follower = Arc::new(Follower::start(log.clone(), policy));
            readiness = with_policy(readiness, name, &follower);
            policies.push(follower);
        }
        Ok(Self {
            readiness: readiness.with("reminders", move || std::future::ready(reminders.finding())),
            routes: realtime.routes().into_iter().chain([pages]).collect(),
            state,
            running: Running { read_models, publisher, policies },
        })
    }
}

/// What goes on until it is stopped.
pub struct Running {
    read_models: Projections,
    publisher: Option<Arc<Publisher>>,
    policies: Vec<Arc<Follower>>,
}

impl Running {
    /// Stops the policies, the publisher and then the projections, each at the end of what it is doing.
    pub async fn stop(self) {
        for policy in self.policies.into_iter().filter_map(Arc::into_inner) {
            policy.stop().await;
        }
        if let Some(publisher) = self.publisher.and_then(Arc::into_inner) {
            publisher.stop().await;
        }
        self.read_models.stop().await;
    }
}

fn readiness(
    database: &Database,
    read_models: &Projections,
    publisher: Option<&Arc<Publisher>>,
    messengers: &Messengers,
) -> Readiness {
    let mut readiness = Readiness::default().with("database", database_check(database.clone()));
    for name in read_models.status().into_iter().map(|status| status.name) {
        let read_models = read_models.clone();
        readiness = readiness.with(format!("projection {name}"), move || {
            let finding = projection_finding(&read_models, name);
            async move { finding }
        });
    }
    if let Some(publisher) = publisher {
        // Weak, so that the question does not keep the publisher from being stopped.
        let publisher = Arc::downgrade(publisher);
        readiness = readiness.with("nats", move || {
            let status = publisher.upgrade().map(|publisher| publisher.status());
            async move {
                match status {
                    Some(status) if !status.connected => {
                        Finding::Degraded("not connected; live screens follow the log".into())
                    }
                    Some(status) => status.problem.map_or(Finding::Good, Finding::Degraded),
                    None => Finding::Degraded("stopping".into()),
                }
            }
        });
    }
    for channel in Channel::ALL.iter().copied() {
        let messengers = messengers.clone();
        readiness = readiness.with(format!("messages by {}", channel.code()), move || {
            let finding = match messengers.health(channel) {
                ChannelHealth::NotConfigured => Finding::Off("not set up; no patient is reached this way".into()),
                ChannelHealth::Good => Finding::Good,
                ChannelHealth::Failing(cause) => Finding::Degraded(format!("the last message did not go: {cause}")),
            };
            async move { finding }
        });
    }
    readiness
}

/// How a policy is doing. One that cannot act is no reason to send requests elsewhere.
fn with_policy(readiness: Readiness, name: &str, policy: &Arc<Follower>) -> Readiness {
    // Weak, so that the question does not keep it from being stopped.
    let policy = Arc::downgrade(policy);
    readiness.with(format!("policy {name}"), move || {
        let problem = policy.upgrade().and_then(|policy| policy.status().problem);
        async move { problem.map_or(Finding::Good, Finding::Degraded) }
    })
}

fn projection_finding(read_models: &Projections, name: &str) -> Finding {
    let status = read_models.status().into_iter().find(|status| status.name == name);
    match status.map(|status| (status.state, status.lag)) {
        Some((ProjectionState::Stopped { position, reason }, _)) => {
            Finding::Failed(format!("stopped at position {position}: {reason}"))
        }
        Some((ProjectionState::Rebuilding, _)) => {
            Finding::Failed("rebuilding: an older release's tables are shown until it is done".into())
        }
        Some((ProjectionState::Connecting, _)) => Finding::Degraded("not connected to the database".into()),
        Some((ProjectionState::Leading | ProjectionState::Following, lag)) if lag > NOTABLE_LAG => {
            Finding::Degraded(format!("{lag} events behind"))
        }
        Some((ProjectionState::Leading | ProjectionState::Following, _)) => Finding::Good,
        None => Finding::Failed("not running".into()),
    }
}

fn database_check(database: Database) -> impl Fn() -> BoxFuture<'static, Finding> + Send + Sync {
    move || {
        let database = database.clone();
        Box::pin(async move {
            let asked = async { database.get().await?.simple_query("SELECT 1").await.map_err(DatabaseError::from) };
            match asked.await {
                Ok(_) => Finding::Good,
                Err(_) => Finding::Failed("does not answer".to_owned()),
            }
        })
    }
}

/// Records how the pool of connections is used, for metrics.
async fn observe_pool(database: Database, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(POOL_LOOK);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let status = database.pool_status();
        let gauge = |state: &'static str| metrics::gauge!("database_pool_connections", "state" => state);
        gauge("open").set(status.size as f64);
        gauge("idle").set(status.available as f64);
        metrics::gauge!("database_pool_waiting").set(status.waiting as f64);
    }
}
