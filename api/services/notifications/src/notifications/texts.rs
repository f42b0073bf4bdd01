//! What a notification says to people: a sentence in French, made of its code and ids when it is read. Names stand in it
//! only for whom may see them.

use std::collections::HashMap;

use domain::ids::{PatientId, UserId};
use domain::values::NotificationKind;
use jiff::tz::TimeZone;
use projections::notifications::NotificationView;

use policies::french;

/// What sentences are made with.
pub(super) struct Names {
    /// Patients whose names whoever reads may see.
    pub(super) patients: HashMap<PatientId, String>,
    /// Practitioners.
    pub(super) practitioners: HashMap<UserId, String>,
    /// By which the practice tells time.
    pub(super) zone: TimeZone,
}

impl Names {
    /// The sentence of a notification.
    pub(super) fn sentence(&self, about: &NotificationView) -> String {
        let patient = about.patient_id.and_then(|id| self.patients.get(&id)).map_or("Un patient", String::as_str);
        let with = about.practitioner_id.and_then(|id| self.practitioners.get(&id));
        let with = with.map(|name| format!(" avec {name}")).unwrap_or_default();
        let on = about.appointment_starts.map(|starts| french::instant(starts, &self.zone));
        let on = on.map(|on| format!(" du {on}")).unwrap_or_default();
        match about.kind {
            NotificationKind::SlotOffered => {
                format!("Un créneau qui s’est libéré{with} est proposé à un patient en attente : {patient}.")
            }
            NotificationKind::OfferUntold => {
                format!("{patient} n’a pas pu être prévenu du créneau proposé : à appeler.")
            }
            NotificationKind::OfferAccepted => {
                format!("{patient} a accepté le créneau proposé : rendez-vous{on}{with}.")
            }
            NotificationKind::OfferDeclined => {
                format!("{patient} a refusé le créneau proposé et reste sur la liste d’attente.")
            }
            NotificationKind::OfferLapsed => {
                format!("{patient} n’a pas répondu à temps au créneau proposé et reste sur la liste d’attente.")
            }
            NotificationKind::CancelledByPatient => format!("{patient} a annulé son rendez-vous{on}{with}."),
            NotificationKind::ConfirmedByPatient => format!("{patient} a confirmé son rendez-vous{on}{with}."),
            NotificationKind::ReminderFailed => {
                format!("{patient} n’a pas pu recevoir de rappel pour son rendez-vous{on}{with}.")
            }
            NotificationKind::ReminderUncertain => {
                format!("Le rappel à {patient} pour le rendez-vous{on}{with} n’est peut-être pas arrivé.")
            }
            NotificationKind::WaitingListLeft => format!("{patient} a quitté la liste d’attente."),
            NotificationKind::LeaveTouchesAppointments => {
                let whose = about.practitioner_id.and_then(|id| self.practitioners.get(&id));
                let whose = whose.map(|name| format!(" de {name}")).unwrap_or_default();
                match about.count {
                    Some(count @ 2..) => format!("L’absence{whose} touche {count} rendez-vous, à reporter."),
                    Some(_) | None => format!("L’absence{whose} touche un rendez-vous, à reporter."),
                }
            }
        }
    }
}
