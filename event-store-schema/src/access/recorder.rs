//! Group commit for the trail: one task per server gathers the accesses that wait while the batch before them commits,
//! and sends them as one call.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use domain::role::Role;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::{Access, TrailError};
use crate::database::{Database, DatabaseError};

/// Rows in one call; a single access may have more.
const LARGEST_BATCH: usize = 4096;

/// Accesses that may wait. As many as there may be live screens, which are all told of an event in the same moment.
pub(super) const QUEUE_LENGTH: usize = 16_384;

/// How long to wait before trying a database again that is away.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// An access that waits for its turn.
pub(super) struct Pending {
    pub(super) access: Access,
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Result<(), TrailError>>,
}

impl Pending {
    fn answer(self, outcome: Result<(), TrailError>) {
        // Whoever asked may have gone away; the access stays recorded.
        let _ = self.answer.send(outcome);
    }
}

struct Session {
    client: Client,
    record: Statement,
}

/// The task's own state.
pub(super) struct Recorder {
    database: Database,
    session: Option<Session>,
}

impl Recorder {
    pub(super) const fn new(database: Database) -> Self {
        Self { database, session: None }
    }

    /// Runs until nobody can send any more.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Pending>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match inbox.recv().await {
                    Some(pending) => waiting.push_back(pending),
                    None => return,
                }
            }
            let mut rows: usize = waiting.iter().map(|pending: &Pending| pending.access.objects.len()).sum();
            while rows < LARGEST_BATCH
                && let Ok(pending) = inbox.try_recv()
            {
                rows += pending.access.objects.len();
                waiting.push_back(pending);
            }
            let started = Instant::now();
            self.commit(waiting.drain(..).collect()).await;
            metrics::histogram!("access_trail_batch_size").record(rows as f64);
            metrics::histogram!("access_trail_seconds").record(started.elapsed());
        }
    }

    /// Sends the batch until it is taken or nobody waits for it any more.
    async fn commit(&mut self, mut batch: Vec<Pending>) {
        loop {
            let now = Instant::now();
            for late in batch.extract_if(.., |pending| pending.deadline <= now) {
                late.answer(Err(TrailError::Unavailable));
            }
            let Some(deadline) = batch.iter().map(|pending| pending.deadline).max() else { return };
            match tokio::time::timeout_at(deadline.into(), self.send(&batch)).await {
                Ok(Ok(())) => {
                    batch.into_iter().for_each(|pending| pending.answer(Ok(())));
                    return;
                }
                Ok(Err(error)) if error.is_outage() => {
                    tracing::warn!(%error, "accesses cannot be traced");
                    self.session = None;
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
                Ok(Err(error)) => return self.commit_singly(batch, error).await,
                Err(_elapsed) => self.session = None,
            }
        }
    }

    /// One access made the whole call fail; it must not take the others down with it.
    async fn commit_singly(&mut self, mut batch: Vec<Pending>, error: DatabaseError) {
        if batch.len() > 1 {
            for pending in batch {
                Box::pin(self.commit(vec![pending])).await;
            }
        } else if let Some(pending) = batch.pop() {
            tracing::error!(%error, "the database refuses to trace an access");
            pending.answer(Err(error.into()));
        }
    }

    async fn send(&mut self, batch: &[Pending]) -> Result<(), DatabaseError> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            let client = self.database.dedicated().await?;
            let record = client.prepare(include_str!("../../sql/access/record.sql")).await?;
            self.session = Some(Session { client, record });
        }
        let Some(Session { client, record }) = &self.session else { return Ok(()) };
        let columns = Columns::of(batch.iter().map(|pending| &pending.access));
        client
            .execute(
                record,
                &[
                    &columns.facilities,
                    &columns.actors,
                    &columns.roles,
                    &columns.sessions,
                    &columns.addresses,
                    &columns.request_ids,
                    &columns.deeds,
                    &columns.types,
                    &columns.purposes,
                    &columns.reasons,
                    &columns.verdicts,
                    &columns.row_requests,
                    &columns.row_resources,
                    &columns.row_patients,
                ],
            )
            .await?;
        Ok(())
    }
}

/// A batch, column by column: the parameters of `record.sql`. What is the same for all rows of an access is sent once.
#[derive(Default)]
struct Columns<'a> {
    facilities: Vec<Uuid>,
    actors: Vec<Uuid>,
    roles: Vec<Option<&'static str>>,
    sessions: Vec<Option<Uuid>>,
    addresses: Vec<Option<IpAddr>>,
    request_ids: Vec<Option<&'a str>>,
    deeds: Vec<&'static str>,
    types: Vec<&'static str>,
    purposes: Vec<&'static str>,
    reasons: Vec<Option<&'a str>>,
    verdicts: Vec<&'static str>,
    row_requests: Vec<i32>,
    row_resources: Vec<Option<Uuid>>,
    row_patients: Vec<Option<Uuid>>,
}

impl<'a> Columns<'a> {
    fn of(accesses: impl Iterator<Item = &'a Access>) -> Self {
        let mut columns = Self::default();
        for (number, access) in (1..).zip(accesses) {
            columns.facilities.push(access.facility_id.0);
            columns.actors.push(access.actor.user_id.0);
            columns.roles.push(access.actor.role.map(Role::name));
            columns.sessions.push(access.actor.session_id);
            columns.addresses.push(access.client_address);
            columns.request_ids.push(access.request_id.as_deref());
            columns.deeds.push(access.deed.name());
            columns.types.push(access.resource_type);
            columns.purposes.push(access.purpose.name());
            columns.reasons.push(access.reason.as_deref());
            columns.verdicts.push(access.verdict.name());
            for object in &access.objects {
                columns.row_requests.push(number);
                columns.row_resources.push(object.resource_id);
                columns.row_patients.push(object.patient_id.map(|patient| patient.0));
            }
        }
        columns
    }
}
