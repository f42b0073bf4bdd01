//! How the parts of the house say how they are doing. Each room gives its checks, and `health/ready` asks them all.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::tasks::{TaskHealth, TaskState};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All is well.
    Good,
    /// All is as it was set up; the sentence says what is therefore left undone.
    Off(String),
    /// The server works, but not as it should; the sentence says what is missing. It must hold no personal data.
    Degraded(String),
    /// The server cannot do its work.
    Failed(String),
}

type Ask = Box<dyn Fn() -> BoxFuture<'static, Finding> + Send + Sync>;

/// Something that must hold for the server to be ready, under the name that operators see.
pub struct Check {
    name: String,
    ask: Ask,
}

impl Check {
    /// A check that has to wait for an answer. It is run at every question, so it has to be cheap.
    pub fn new<F, C>(name: impl Into<String>, ask: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Finding> + Send + 'static,
    {
        Self { name: name.into(), ask: Box::new(move || ask().boxed()) }
    }

    /// A check that knows its answer.
    pub fn known(name: impl Into<String>, ask: impl Fn() -> Finding + Send + Sync + 'static) -> Self {
        Self::new(name, move || std::future::ready(ask()))
    }

    /// How a task is doing. One that is started again is late: the server works meanwhile, but not as it should.
    pub fn of_task(task: TaskHealth) -> Self {
        Self::known(format!("task {}", task.name()), move || match task.state() {
            TaskState::Running => Finding::Good,
            state @ (TaskState::Restarting { .. } | TaskState::Ended) => Finding::Degraded(state.to_string()),
        })
    }

    /// What operators call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it finds now.
    pub async fn run(&self) -> Finding {
        (self.ask)().await
    }
}
