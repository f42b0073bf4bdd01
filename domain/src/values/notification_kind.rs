//! What the staff of a practice is told of.

use super::code::code_value;

code_value! {
    /// What a notification is about.
    NotificationKind("notification_kind_code", "What the notification is about.") {
        /// Time that became free is offered to somebody who waits.
        SlotOffered = "waiting_slot_offered",
        /// They could not be told of it.
        OfferUntold = "waiting_patient_not_told",
        /// They took it.
        OfferAccepted = "waiting_offer_accepted",
        /// They said themselves that they do not want it.
        OfferDeclined = "waiting_offer_declined",
        /// They did not answer in time.
        OfferLapsed = "waiting_offer_lapsed",
        /// They left the list by themselves.
        WaitingListLeft = "waiting_list_left",
        /// Somebody is away when they have appointments.
        LeaveTouchesAppointments = "leave_touches_appointments",
        /// A patient called an appointment off by themselves.
        CancelledByPatient = "appointment_cancelled_by_patient",
        /// A patient said that they will come.
        ConfirmedByPatient = "appointment_confirmed_by_patient",
        /// A patient could not be reminded of an appointment.
        ReminderFailed = "reminder_failed",
        /// A reminder was sent, and nobody knows whether it arrived.
        ReminderUncertain = "reminder_uncertain",
    }
}
