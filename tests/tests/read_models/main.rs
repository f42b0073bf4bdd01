//! What each read model makes of events: given these events, then these rows.

mod appointments;
mod notifications;
mod patients;
mod reminders;
mod staff;
mod waiting_list;

use system_tests::given::id;
use uuid::Uuid;

const ZOE: Uuid = id(0xA1);
const YANN: Uuid = id(0xA2);
const DOCTOR: Uuid = id(0xD1);
const ROOM: Uuid = id(0xE1);
const VISIT: Uuid = id(0xB1);
