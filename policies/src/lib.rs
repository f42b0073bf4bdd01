//! What follows from events, without anybody asking: reminders are sent, time that frees up is offered, and patients answer
//! by links. Policies follow the log, read late read models, and act as the system: every step is checked again where it is
//! decided.

pub mod account_mail;
pub mod french;
pub mod messaging;
pub mod patient_links;
pub mod reminders;
pub mod waiting_list;
