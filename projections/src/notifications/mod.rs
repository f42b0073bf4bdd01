//! The read model of notifications: what the staff is told of without looking for it. Read marks do not follow from the log,
//! so they are no part of it; the caller brings them along.

mod kind;
mod queries;

use domain::event::RecordedEvent;
use domain::values::CodeValue;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::{Projection, ProjectionError, Transaction};

pub use self::kind::{Notified, notified};
pub use self::queries::{
    NotificationCursor, NotificationPage, NotificationPageStart, NotificationQueries, NotificationView, ReadMarks,
};

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Notifications;

impl Projection for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["notifications"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/notifications/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/notifications/indexes.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        kind::may_notify(event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut told = Vec::new();
            for event in events {
                told.extend(notified(event)?.map(|notified| (event, notified)));
            }
            if told.is_empty() {
                return Ok(());
            }
            let facilities: Vec<_> = told.iter().map(|(event, _)| event.facility_id.0).collect();
            let ids: Vec<_> = told.iter().map(|(event, _)| event.event_id.0).collect();
            let positions: Vec<_> = told.iter().map(|(event, _)| event.position.to_sql()).collect();
            let kinds: Vec<_> = told.iter().map(|(_, told)| told.kind.code()).collect();
            let types: Vec<_> = told.iter().map(|(_, told)| told.resource_type).collect();
            let resources: Vec<_> = told.iter().map(|(_, told)| told.resource_id).collect();
            let patients: Vec<_> = told.iter().map(|(_, told)| told.patient.map(|id| id.0)).collect();
            let appointments: Vec<_> = told.iter().map(|(_, told)| told.appointment.map(|id| id.0)).collect();
            let practitioners: Vec<_> = told.iter().map(|(_, told)| told.practitioner.map(|id| id.0)).collect();
            let counts: Vec<_> = told.iter().map(|(_, told)| told.count.and_then(|n| i32::try_from(n).ok())).collect();
            let recorded: Vec<_> = told.iter().map(|(event, _)| event.recorded_at).collect();
            let insert = tx.prepare_cached(include_str!("../../sql/notifications/insert.sql")).await?;
            tx.execute(
                &insert,
                &[
                    &facilities,
                    &ids,
                    &positions,
                    &kinds,
                    &types,
                    &resources,
                    &patients,
                    &appointments,
                    &practitioners,
                    &counts,
                    &recorded,
                ],
            )
            .await?;
            Ok(())
        }
        .boxed()
    }
}
