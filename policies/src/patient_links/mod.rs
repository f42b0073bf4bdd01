//! Links by which patients answer a message without an account: they confirm or cancel an appointment, or take or leave an
//! offer.
//!
//! ```text
//! message ──► https://…/rdv/<token> ──GET──►  a page: what it is about, and what can be said to it
//!                                   ──POST─►  the answer becomes a command; back to the page, which shows what is so now
//! ```
//!
//! Nothing is stored of a link. Its token says what it is about and as of which moment, under a code that only this house
//! can make ([`token`]); what it still may do is decided on the aggregate at the moment of the answer. So a link to an
//! appointment that was moved is dead by itself, and an answer given twice changes nothing. Looking at a page changes nothing
//! either: mail programs open links to examine them.
//!
//! A page shows the practice, the day and the time. No name of the patient and nothing of why they come: whoever has the
//! message can open it. A token is never logged: logs name the path as declared, `/rdv/{token}`.

mod appointment;
mod desk;
mod page;
pub mod token;

pub use self::appointment::AppointmentDesk;
pub use self::desk::{Answered, DeskError, LinkDesk, Visitor, practice_of};
pub use self::page::{Choice, Page, PageKind};
pub use self::token::{LinkKind, PatientLink, PatientLinks};
