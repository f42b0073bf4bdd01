//! Traces what a live screen is told of patients. A frame holds ids and names of fields, no content, so it does not wait
//! for the trail as an answer does: what a screen is told is handed to the trail first and sent then, and a screen whose
//! last frames could not be traced is closed before it gets any more.

use std::net::IpAddr;

use domain::ids::PatientId;
use event_store_schema::{Access, AccessTrail, AccessedObject, Deed, Purpose, TrailError, Verdict};
use projections::push::Push;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use accounts::member::Member;

/// Whom a frame tells of.
pub(super) const fn patient_of(push: &Push) -> Option<PatientId> {
    match push {
        Push::PatientUpdated { patient_id, .. }
        | Push::AppointmentCreated { patient_id, .. }
        | Push::AppointmentUpdated { patient_id, .. }
        | Push::AppointmentCancelled { patient_id, .. }
        | Push::WaitingListUpdated { patient_id, .. } => Some(*patient_id),
        // It names a resource, not whose it is.
        Push::Notification { .. } => None,
    }
}

/// The traces of one socket.
pub(super) struct PushTraces {
    trail: AccessTrail,
    /// Those of all sockets, which a server that stops waits for.
    tracker: TaskTracker,
    client_address: Option<IpAddr>,
    request_id: Option<String>,
    /// The one under way; the next begins when it is done.
    last: Option<JoinHandle<Result<(), TrailError>>>,
}

impl PushTraces {
    pub(super) const fn new(
        trail: AccessTrail,
        tracker: TaskTracker,
        client_address: Option<IpAddr>,
        request_id: Option<String>,
    ) -> Self {
        Self { trail, tracker, client_address, request_id, last: None }
    }

    /// Traces that this member is told of these patients, each once. Fails if the frames before could not be traced.
    pub(super) async fn record(&mut self, member: &Member, mut patients: Vec<PatientId>) -> Result<(), TrailError> {
        if patients.is_empty() {
            return Ok(());
        }
        if let Some(last) = self.last.take() {
            // If it panicked, the frames are not traced.
            last.await.unwrap_or(Err(TrailError::Unavailable))?;
        }
        patients.sort_unstable();
        patients.dedup();
        let access = Access {
            facility_id: member.facility_id,
            actor: member.actor(),
            client_address: self.client_address,
            request_id: self.request_id.clone(),
            deed: Deed::Push,
            resource_type: "patient",
            purpose: Purpose::Operations,
            reason: None,
            verdict: Verdict::Granted,
            objects: patients.into_iter().map(AccessedObject::patient).collect(),
        };
        let trail = self.trail.clone();
        self.last = Some(self.tracker.spawn(async move { trail.record_patiently(access).await }));
        Ok(())
    }
}
