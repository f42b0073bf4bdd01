//! Time as a practice keeps it: what the clock on its wall shows, the instants that this means, stretches between instants,
//! and the slots that are free among them. Availability and appointments are decided on it; queries compute with it.
//!
//! Hours and leave are meant on the wall, in the zone of the practice; bookings are instants. All stretches are half-open:
//! what ends at 09:30 does not meet what begins at 09:30.

mod interval;
mod slots;
mod time_of_day;
mod wall_clock;

pub use self::interval::{Interval, united, without};
pub use self::slots::{Calendar, SlotSearch, free_slots, free_slots_of_any};
pub use self::time_of_day::{TimeOfDay, TimeSlot};
pub use self::wall_clock::{PracticeTime, Repeated, WallClockError, instant, instant_or_jump, repetition, stretch};
