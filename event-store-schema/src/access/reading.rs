//! What is asked of the trail. Every answer is of one practice: its transaction names it, and row-level security leaves
//! nothing else visible.

use domain::ids::{FacilityId, PatientId, UserId};
use futures_util::future::join4;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    AccessAlert, AccessCursor, AccessFilter, AccessPage, AccessPosition, AccessTrail, RecordedAccess, TrailError,
};
use crate::cell::Cells;

/// Before every row there can be.
const BEGINNING: Timestamp = Timestamp::UNIX_EPOCH;

/// After every row there can be: the last second that PostgreSQL and jiff both know.
const END: Timestamp = Timestamp::constant(253_402_200_000, 0);

impl AccessTrail {
    /// A page of at most `limit` rows of this practice, newest first, after another page's end.
    pub async fn page(
        &self,
        facility: FacilityId,
        filter: &AccessFilter,
        after: Option<AccessCursor>,
        limit: u32,
    ) -> Result<AccessPage, TrailError> {
        let from = filter.from.unwrap_or(BEGINNING).max(BEGINNING);
        // Rows are taken whose time and position are before these two.
        let end = AccessCursor { at: filter.to.unwrap_or(END).min(END), position: AccessPosition(0) };
        let before = after.filter(|after| after.at < end.at).unwrap_or(end);
        let (patient, actor) = (filter.patient.map(|patient| patient.0), filter.actor.map(|actor| actor.0));
        // One more than asked for tells whether there is a next page.
        let count = i64::from(limit) + 1;
        let shared: [&(dyn ToSql + Sync); 4] = [&facility.0, &before.at, &before.position.0, &from];
        let (sql, own): (&str, &[&(dyn ToSql + Sync)]) = match (&patient, &actor) {
            (Some(patient), _) => (include_str!("../../sql/access/by_patient.sql"), &[patient, &actor, &count]),
            (None, Some(actor)) => (include_str!("../../sql/access/by_actor.sql"), &[actor, &count]),
            (None, None) => (include_str!("../../sql/access/by_time.sql"), &[&count]),
        };
        let rows = self.read(facility, sql, &[&shared, own].concat()).await?;
        let mut items = rows.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|last| AccessCursor { at: last.at, position: last.position });
        Ok(AccessPage { items, next })
    }

    async fn read(
        &self,
        facility: FacilityId,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, TrailError> {
        let client = self.database.get().await?;
        let name_facility = client.prepare_cached(include_str!("../../sql/access/name_facility.sql")).await?;
        let statement = client.prepare_cached(sql).await?;
        let facility = facility.to_string();
        // All messages are under way before the first answer is waited for; after a failure COMMIT rolls back.
        let (begun, named, rows, ended) = join4(
            client.batch_execute("BEGIN READ ONLY"),
            client.execute(&name_facility, &[&facility]),
            client.query(&statement, parameters),
            client.batch_execute("COMMIT"),
        )
        .await;
        begun?;
        named?;
        let rows = rows?;
        ended?;
        Ok(rows)
    }

    /// The place of the last row, of whatever practice.
    pub async fn head(&self) -> Result<AccessPosition, TrailError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(include_str!("../../sql/access/head.sql")).await?;
        Ok(AccessPosition(client.query_one(&statement, &[]).await?.cell("head")?))
    }

    /// The next rows after a place, of all practices, that somebody is to be told of at once.
    pub async fn alerts_after(&self, after: AccessPosition) -> Result<Vec<AccessAlert>, TrailError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(include_str!("../../sql/access/alerts_after.sql")).await?;
        let rows = client.query(&statement, &[&after.0]).await?;
        let alert = |row: &Row| {
            Ok(AccessAlert {
                position: AccessPosition(row.cell("alert_position")?),
                facility_id: FacilityId(row.cell("alert_facility")?),
                actor: UserId(row.cell("alert_actor")?),
                role: row.cell("alert_role")?,
                patient_id: row.cell::<Option<Uuid>>("alert_patient")?.map(PatientId),
                resource_type: row.cell("alert_resource")?,
            })
        };
        rows.iter().map(alert).collect()
    }
}

fn recorded(row: &Row) -> Result<RecordedAccess, TrailError> {
    Ok(RecordedAccess {
        position: AccessPosition(row.cell("position")?),
        at: row.cell("at")?,
        actor: UserId(row.cell("actor_id")?),
        role: row.cell("role")?,
        session_id: row.cell("session_id")?,
        client_address: row.cell("client_address")?,
        request_id: row.cell("request_id")?,
        deed: row.cell("deed")?,
        resource_type: row.cell("resource_type")?,
        resource_id: row.cell("resource_id")?,
        patient_id: row.cell::<Option<Uuid>>("patient_id")?.map(PatientId),
        purpose: row.cell("purpose")?,
        reason: row.cell("reason")?,
        verdict: row.cell("result")?,
    })
}
