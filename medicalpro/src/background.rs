//! Starts what runs behind the interface of one process: the read models, the publisher, live screens, and the policies of
//! its services. Each has a check in `health/ready`.

use std::sync::Arc;
use std::time::Duration;

use accounts::Auth;
use commands::Commands;
use event_store_schema::health::{Check, Finding};
use event_store_schema::{AccessTrail, Database, DatabaseError, EventLog};
use frame::desk::Desk;
use frame::shutdown::Shutdown;
use policies::account_mail::AccountMail;
use policies::messaging::Messengers;
use policies::patient_links::PatientLinks;
use policies::reminders::{ReminderClock, Reminders};
use projections::publisher::{self, NatsNames, Publisher};
use projections_engine::following::{self, Follower};
use projections_engine::{ProjectionState, Projections};
use realtime::{Realtime, RealtimeSettings, StaleChanges};
use service::Parts;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use crate::catalogue::Selection;
use crate::error::ProgramError;

/// A projection that is further behind than this is worth an operator's look.
const NOTABLE_LAG: u64 = 10_000;

/// How often the use of the pool is recorded.
const POOL_INTERVAL: Duration = Duration::from_secs(1);

/// What the background is started from.
pub struct Foundation {
    /// The log.
    pub log: EventLog,
    /// The commands over it: one for the whole process.
    pub commands: Commands,
    /// The trail of accesses.
    pub trail: AccessTrail,
    /// The owner of the database, who rebuilds read models of an older release.
    pub owner: Config,
    /// Who may come in.
    pub auth: Auth,
    /// Where NATS is; without it, live screens follow the log alone.
    pub nats_url: Option<String>,
    /// How much the live screens take.
    pub realtime: RealtimeSettings,
    /// What reaches patients.
    pub messengers: Messengers,
    /// The links by which they answer.
    pub links: PatientLinks,
    /// The page of the client where a password is chosen.
    pub password_page: Option<String>,
    /// The clock by which reminders become due.
    pub reminder_clock: ReminderClock,
}

/// The background of a running process.
pub struct Background {
    /// What its services are put together from.
    pub parts: Parts,
    /// How it is doing.
    pub checks: Vec<Check>,
    /// What has to be stopped.
    pub running: Running,
}

impl Background {
    /// Starts everything that works in the background for these services.
    pub async fn start(
        foundation: Foundation,
        selection: &Selection,
        shutdown: &Shutdown,
    ) -> Result<Self, ProgramError> {
        let Foundation { log, commands, trail, owner, auth, .. } = foundation;
        let read_models = Projections::start_as_owner(log.clone(), owner, projections::all());
        let nats = match &foundation.nats_url {
            Some(url) => Some((publisher::connect(url).await?, NatsNames::default())),
            None => None,
        };
        let publisher = nats
            .clone()
            .map(|(client, names)| Arc::new(Publisher::start(log.clone(), read_models.clone(), client, names)));
        let realtime = if selection.has(service_notifications::SERVICE.name) {
            let (tokens, settings) = (Arc::clone(&auth.tokens), foundation.realtime);
            let (trail, models) = (trail.clone(), read_models.clone());
            Some(Realtime::start(log.clone(), trail, models, nats.clone(), tokens, settings, shutdown).await?)
        } else {
            None
        };
        let stale = realtime.as_ref().map_or_else(|| StaleChanges::without_screens(nats), Realtime::stale_changes);
        let database = log.database().clone();
        shutdown.tasks().start("database pool", move |stop| observe_pool(database.clone(), stop));
        let (messengers, links) = (foundation.messengers, foundation.links);
        let clock = foundation.reminder_clock;
        let reminders = Reminders::new(commands.clone(), messengers.clone(), Some(links.clone()), clock);
        let account_mail = AccountMail::start(
            auth.clone(),
            commands.clone(),
            messengers.clone(),
            foundation.password_page,
            shutdown.tasks(),
        );
        let desk = Desk { commands, read_models: read_models.clone(), trail };
        let parts = Parts { desk, auth, account_mail, messengers, links, reminders, stale, realtime };

        let mut checks = checks(log.database(), &read_models, publisher.as_ref());
        checks.extend(parts.auth.checks());
        checks.extend([log.health(), parts.desk.trail.health()].map(|task| Check::of_task(task.clone())));
        checks.extend(read_models.tasks().into_iter().map(Check::of_task));
        checks.extend(publisher.iter().flat_map(|publisher| publisher.tasks()).map(Check::of_task));
        // Before anybody is answered: what happens from now on is followed.
        let mut policies = Vec::new();
        for service in selection.services() {
            checks.extend((service.checks)(&parts));
            for policy in service.policies {
                following::install(&log, policy.name).await?;
                let follower = Arc::new(Follower::start(log.clone(), (policy.make)(&parts)));
                checks.push(policy_check(policy.name, &follower));
                checks.extend(follower.tasks().into_iter().map(Check::of_task));
                policies.push(follower);
            }
        }
        Ok(Self { parts, checks, running: Running { read_models, publisher, policies } })
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

fn checks(database: &Database, read_models: &Projections, publisher: Option<&Arc<Publisher>>) -> Vec<Check> {
    let mut checks = vec![database_check(database.clone())];
    for name in read_models.status().into_iter().map(|status| status.name) {
        let read_models = read_models.clone();
        checks.push(Check::known(format!("projection {name}"), move || projection_finding(&read_models, name)));
    }
    if let Some(publisher) = publisher {
        // Weak, so that the question does not keep the publisher from being stopped.
        let publisher = Arc::downgrade(publisher);
        checks.push(Check::known("nats", move || match publisher.upgrade().map(|publisher| publisher.status()) {
            Some(status) if !status.connected => Finding::Degraded("not connected; live screens follow the log".into()),
            Some(status) => status.problem.map_or(Finding::Good, Finding::Degraded),
            None => Finding::Degraded("stopping".into()),
        }));
    }
    checks
}

/// How a policy is doing. One that cannot act is no reason to send requests elsewhere.
fn policy_check(name: &str, policy: &Arc<Follower>) -> Check {
    // Weak, so that the question does not keep it from being stopped.
    let policy = Arc::downgrade(policy);
    Check::known(format!("policy {name}"), move || {
        let problem = policy.upgrade().and_then(|policy| policy.status().problem);
        problem.map_or(Finding::Good, Finding::Degraded)
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

fn database_check(database: Database) -> Check {
    Check::new("database", move || {
        let database = database.clone();
        async move {
            let asked = async { database.get().await?.simple_query("SELECT 1").await.map_err(DatabaseError::from) };
            match asked.await {
                Ok(_) => Finding::Good,
                Err(_) => Finding::Failed("does not answer".to_owned()),
            }
        }
    })
}

/// Records how the pool of connections is used, for metrics.
async fn observe_pool(database: Database, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(POOL_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let status = database.pool_status();
        let gauge = |state: &'static str| metrics::gauge!("database_pool_connections", "state" => state);
        gauge("open").set(status.size as f64);
        gauge("idle").set(status.available as f64);
        metrics::gauge!("database_pool_waiting").set(status.waiting as f64);
    }
}
