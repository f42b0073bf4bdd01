//! Accesses as [`group_commit`](crate::group_commit) commits them: the rows of many requests in one call.

use std::collections::VecDeque;
use std::net::IpAddr;

use domain::role::Role;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::{Access, TrailError};
use crate::database::DatabaseError;
use crate::group_commit::{Batched, Pending};

/// Rows in one call; a single access may have more.
const LARGEST_BATCH: usize = 4096;

/// Accesses that may wait. As many as there may be live screens, which are all told of an event in the same moment.
const QUEUE_LENGTH: usize = 16_384;

pub(super) struct Recording;

impl Batched for Recording {
    const NAME: &'static str = "access trail";
    const INBOX: usize = QUEUE_LENGTH;
    const GATHERED: usize = LARGEST_BATCH;
    const STATEMENT: &'static str = include_str!("../../sql/access/record.sql");
    const METRICS: (&'static str, &'static str) = ("access_trail_batch_size", "access_trail_seconds");

    type Request = Access;
    type Reply = ();
    type Answer = ();
    type Error = TrailError;

    fn weight(access: &Access) -> usize {
        access.objects.len()
    }

    /// No two accesses are in each other's way.
    fn next_batch(waiting: &mut VecDeque<Pending<Self>>) -> Vec<Pending<Self>> {
        waiting.drain(..).collect()
    }

    async fn call(
        &self,
        client: &Client,
        statement: &Statement,
        batch: &[Pending<Self>],
    ) -> Result<(), tokio_postgres::Error> {
        let columns = Columns::of(batch.iter().map(|pending| &pending.request));
        client
            .execute(
                statement,
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

    /// After a lost reply the rows may stand in the trail twice.
    async fn answer(&self, batch: Vec<Pending<Self>>, (): (), _uncertain: bool) {
        batch.into_iter().for_each(|pending| pending.answer(Ok(())));
    }

    fn overloaded() -> TrailError {
        TrailError::Overloaded
    }

    fn unavailable(_outcome_unknown: bool) -> TrailError {
        TrailError::Unavailable
    }

    fn refused(error: DatabaseError) -> TrailError {
        error.into()
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
