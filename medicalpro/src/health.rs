//! `health/live` and `health/ready`, for load balancers, orchestrators and operators. The checks come from every room, by
//! [`background`](crate::background).

use std::time::Duration;

use event_store_schema::health::{Check, Finding};
use event_store_schema::tasks::Tasks;
use futures_util::future::join_all;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use frame::mounting::Frame;
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use service::Chapter;
use tokio_util::sync::CancellationToken;

/// A check that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// What must hold for the server to be ready.
pub struct Readiness {
    checks: Vec<Check>,
    tasks: Tasks,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new(Vec::new(), Tasks::new(CancellationToken::new()))
    }
}

impl Readiness {
    /// These checks, and one for each of these tasks, also for those that are started later.
    pub const fn new(checks: Vec<Check>, tasks: Tasks) -> Self {
        Self { checks, tasks }
    }

    async fn findings(&self) -> Vec<(String, Finding)> {
        let tasks: Vec<Check> = self.tasks.health().into_iter().map(Check::of_task).collect();
        let findings = self.checks.iter().chain(&tasks).map(|check| async move {
            let late = || Finding::Failed("no answer in time".to_owned());
            let finding = tokio::time::timeout(PATIENCE, check.run()).await.unwrap_or_else(|_| late());
            (check.name().to_owned(), finding)
        });
        join_all(findings).await
    }
}

#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum Health {
    Alive,
    Ready,
    Degraded,
}

/// How the server is.
#[derive(Object)]
struct HealthDocument {
    /// The verdict.
    status: Health,
    /// What was looked at; empty for liveness.
    checks: Vec<CheckDocument>,
}

/// One thing that was looked at.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct CheckDocument {
    /// What was looked at.
    name: String,
    /// Whether it is well.
    ok: bool,
    /// What is missing, or left undone as it was set up.
    detail: Option<String>,
}

/// Mounts the operations over these checks.
pub fn mount(frame: &mut Frame, readiness: Readiness) {
    frame.mount(HealthApi { readiness }, PERMISSIONS);
}

/// Declares the operations.
pub fn declare(frame: &mut Frame) {
    frame.declare::<HealthApi>(PERMISSIONS);
}

/// The operations.
struct HealthApi {
    readiness: Readiness,
}

/// What each operation asks of its caller.
const PERMISSIONS: PermissionTable = &[("isAlive", Permission::Public), ("isReady", Permission::Public)];

#[OpenApi(prefix_path = "/api/v1/health", tag = "Chapter::Operation")]
impl HealthApi {
    /// Is the process alive?
    #[oai(path = "/live", method = "get", operation_id = "isAlive")]
    async fn live(&self) -> Result<Json<HealthDocument>, Problem> {
        Ok(Json(HealthDocument { status: Health::Alive, checks: Vec::new() }))
    }

    /// Can it do its work?
    ///
    /// Degraded is still ready: the server answers, but something beside it, such as the push to live screens, is late.
    #[oai(path = "/ready", method = "get", operation_id = "isReady")]
    async fn ready(&self) -> Result<Json<HealthDocument>, Problem> {
        let findings = self.readiness.findings().await;
        let failed: Vec<String> = findings
            .iter()
            .filter_map(|(name, finding)| match finding {
                Finding::Failed(why) => Some(format!("{name}: {why}")),
                Finding::Good | Finding::Off(_) | Finding::Degraded(_) => None,
            })
            .collect();
        if !failed.is_empty() {
            return Err(Problem::new(ProblemCode::NotReady).because(failed.join("; ")).retry_after(PATIENCE));
        }
        let degraded = findings.iter().any(|(_, finding)| matches!(finding, Finding::Degraded(_)));
        let checks = findings.into_iter().map(|(name, finding)| CheckDocument {
            name,
            ok: matches!(finding, Finding::Good | Finding::Off(_)),
            detail: match finding {
                Finding::Good => None,
                Finding::Off(why) | Finding::Degraded(why) | Finding::Failed(why) => Some(why),
            },
        });
        Ok(Json(HealthDocument {
            status: if degraded { Health::Degraded } else { Health::Ready },
            checks: checks.collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use event_store_schema::tasks::{FIRST_PAUSE, STEADY_AFTER};

    use super::*;

    async fn told(readiness: &Readiness) -> (Health, CheckDocument) {
        let api = HealthApi { readiness: Readiness::new(Vec::new(), readiness.tasks.clone()) };
        let Ok(Json(document)) = api.ready().await else { panic!("a task is no reason to send requests elsewhere") };
        let check = document.checks.into_iter().next().expect("a check of the task");
        (document.status, check)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_once_is_back_and_readiness_said_so() {
        let tasks = Tasks::new(CancellationToken::new());
        let readiness = Readiness::new(Vec::new(), tasks.clone());
        // Started after the checks were collected.
        let panicked = AtomicBool::new(false);
        tasks.start("database pool", move |stop| {
            let first = !panicked.swap(true, Ordering::Relaxed);
            async move {
                assert!(!first, "a fault");
                stop.cancelled().await;
            }
        });
        tokio::time::sleep(FIRST_PAUSE / 2).await;
        let (status, check) = told(&readiness).await;
        assert!(matches!(status, Health::Degraded) && !check.ok);
        assert_eq!(check.name, "task database pool");
        assert!(check.detail.is_some_and(|detail| detail.starts_with("restarting since")));
        tokio::time::sleep(FIRST_PAUSE + STEADY_AFTER).await;
        let (status, check) = told(&readiness).await;
        assert!(matches!(status, Health::Ready) && check.ok, "it is back");
    }
}
