//! What the staff of a practice is told of.

use super::code::code_value;

code_value! {
    /// What a notification is about.
    NotificationKind("notification_kind_code", "What the notification is about.") {
        /// Time that became free is offered to somebody who waits.
        SlotOffered = "waiting_slot_offered",
        /// They took it.
        OfferAccepted = "waiting_offer_accepted",
        /// They said themselves that they do not want it.
        OfferDeclined = "waiting_offer_declined",
        /// They did not answer in time.
        OfferLapsed = "waiting_offer_lapsed",
        /// They left the list by themselves.
        WaitingListLeft = "waiting_list_left",
    }
}
