//! The rooms of a practice: what can be booked of them is decided where appointments are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::FacilityError;
use super::event::FacilityEvent;
use crate::ids::RoomId;
use crate::values::{Label, RuleBroken, TextValue, fold};

/// More than these are a hospital.
const MOST_ROOMS: usize = 500;

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// What people call it.
    pub name: Label,
    /// Whether it takes no more bookings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

type Rooms = BTreeMap<RoomId, Room>;

/// The room of this id, unless it is closed.
pub(super) fn open(rooms: &Rooms, id: RoomId) -> Result<&Room, FacilityError> {
    rooms.get(&id).filter(|room| !room.closed).ok_or(FacilityError::NoSuchRoom)
}

pub(super) fn add(rooms: &Rooms, room_id: RoomId, name: Label) -> Result<FacilityEvent, FacilityError> {
    if rooms.contains_key(&room_id) {
        return Err(FacilityError::RoomExists);
    }
    let open = rooms.values().filter(|room| !room.closed).count();
    if open >= MOST_ROOMS {
        let broken = RuleBroken::new("too_many_rooms", format!("A practice has at most {MOST_ROOMS} rooms."));
        return Err(FacilityError::Invalid(vec![broken.at("name")]));
    }
    check_name(rooms, room_id, &name)?;
    Ok(FacilityEvent::RoomAdded { room_id, name })
}

/// None if the room has the name already.
pub(super) fn rename(rooms: &Rooms, room_id: RoomId, name: Label) -> Result<Option<FacilityEvent>, FacilityError> {
    let room = open(rooms, room_id)?;
    check_name(rooms, room_id, &name)?;
    Ok((room.name != name).then_some(FacilityEvent::RoomRenamed { room_id, name }))
}

/// Two open rooms of one name are one room too many for whoever looks for it. Case and accents tell none apart.
fn check_name(rooms: &Rooms, of: RoomId, name: &Label) -> Result<(), FacilityError> {
    let folded = fold(name.as_str());
    let mut others = rooms.iter().filter(|(id, room)| **id != of && !room.closed);
    if others.any(|(_, room)| fold(room.name.as_str()) == folded) {
        let broken = RuleBroken::new("room_name_taken", "Another room of the practice has this name.");
        return Err(FacilityError::Invalid(vec![broken.at("name")]));
    }
    Ok(())
}
