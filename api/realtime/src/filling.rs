//! The last step of a frame: what is nobody's but the patient's, filled in for those who may see it. Nothing of it travels
//! on NATS or waits in a queue; each server looks it up once for a frame, when the first of its sockets is to be told.

use std::collections::HashMap;

use domain::ids::{AppointmentId, FacilityId, PatientId};
use domain::permissions::Permissions;
use domain::role::Area;
use event_store_schema::Database;
use projections::appointments::AppointmentQueries;
use projections::patients::PatientQueries;
use projections::push::{Frame, Push};
use projections_engine::QueryError;
use serde_json::json;
use tokio::sync::OnceCell;

/// What is filled into a frame, and what somebody must be allowed to read besides to see it.
#[derive(Clone, Copy)]
enum Filling {
    /// What the patient is called.
    PatientName(PatientId),
    /// Why the appointment was called off.
    CancellationReason(AppointmentId),
}

impl Filling {
    const fn of(push: &Push) -> Option<Self> {
        match push {
            Push::AppointmentCreated { patient_id, .. } => Some(Self::PatientName(*patient_id)),
            Push::AppointmentCancelled { appointment_id, .. } => Some(Self::CancellationReason(*appointment_id)),
            Push::PatientUpdated { .. }
            | Push::AppointmentUpdated { .. }
            | Push::WaitingListUpdated { .. }
            | Push::Notification { .. } => None,
        }
    }

    fn shown_to(self, permissions: &Permissions) -> bool {
        let area = match self {
            Self::PatientName(_) => Area::Patients,
            Self::CancellationReason(_) => Area::Appointments,
        };
        permissions.access(area).may_read()
    }
}

/// Looks up what is filled in.
pub(super) struct Fillings {
    patients: PatientQueries,
    appointments: AppointmentQueries,
}

impl Fillings {
    pub(super) fn new(database: &Database) -> Self {
        Self {
            patients: PatientQueries::new(database.clone()),
            appointments: AppointmentQueries::new(database.clone()),
        }
    }

    /// The frames of one practice, as somebody with these permissions may see them. A name that cannot be looked up is left
    /// out: that something happened matters more.
    pub(super) async fn fill_all(
        &self,
        facility: FacilityId,
        frames: &[Frame],
        permissions: &Permissions,
    ) -> serde_json::Result<Vec<String>> {
        let shown = |frame: &Frame| Filling::of(&frame.push).filter(|filling| filling.shown_to(permissions));
        let fillings: Vec<_> = frames.iter().map(shown).collect();
        let known = self.look_up(facility, &fillings).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "frames are sent without names");
            Known::default()
        });
        frames.iter().zip(fillings).map(|(frame, filling)| known.fill(frame, filling)).collect()
    }

    async fn look_up(&self, facility: FacilityId, fillings: &[Option<Filling>]) -> Result<Known, QueryError> {
        let (mut patients, mut cancelled) = (Vec::new(), Vec::new());
        for filling in fillings.iter().flatten() {
            match filling {
                Filling::PatientName(patient) => patients.push(*patient),
                Filling::CancellationReason(appointment) => cancelled.push(*appointment),
            }
        }
        let mut known = Known::default();
        if !patients.is_empty() {
            known.names = self.patients.names(facility, &patients).await?;
        }
        if !cancelled.is_empty() {
            known.reasons = self.appointments.cancellation_reasons(facility, &cancelled).await?;
        }
        Ok(known)
    }
}

/// What was looked up.
#[derive(Default)]
struct Known {
    names: HashMap<PatientId, String>,
    reasons: HashMap<AppointmentId, String>,
}

impl Known {
    fn fill(&self, frame: &Frame, filling: Option<Filling>) -> serde_json::Result<String> {
        let found = filling.and_then(|filling| match filling {
            Filling::PatientName(patient) => Some(("patientName", self.names.get(&patient)?)),
            Filling::CancellationReason(appointment) => Some(("reason", self.reasons.get(&appointment)?)),
        });
        let Some((member, value)) = found else { return frame.to_json() };
        let mut wire = serde_json::to_value(&frame.push)?;
        wire["data"][member] = json!(value);
        wire["position"] = json!(frame.position);
        Ok(wire.to_string())
    }
}

/// A frame of this moment, for all sockets of a practice.
pub(super) struct Filled {
    frame: Frame,
    filling: Filling,
    text: OnceCell<String>,
}

impl Filled {
    /// A frame into which something is filled.
    pub(super) fn of(frame: &Frame) -> Option<Self> {
        let filling = Filling::of(&frame.push)?;
        Some(Self { frame: frame.clone(), filling, text: OnceCell::new() })
    }

    /// Its text with what is filled in, for somebody with these permissions; none if they may not see that.
    pub(super) async fn text(
        &self,
        fillings: &Fillings,
        permissions: &Permissions,
    ) -> serde_json::Result<Option<String>> {
        if !self.filling.shown_to(permissions) {
            return Ok(None);
        }
        let write = async {
            let frames = std::slice::from_ref(&self.frame);
            let texts = fillings.fill_all(self.frame.facility_id, frames, permissions).await?;
            Ok::<_, serde_json::Error>(texts.into_iter().next().unwrap_or_default())
        };
        Ok(Some(self.text.get_or_try_init(|| write).await?.clone()))
    }
}
