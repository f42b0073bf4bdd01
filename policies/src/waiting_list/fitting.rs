//! Who is first in line for time that is free, and which slot of it they are offered.

use std::collections::HashMap;
use std::num::NonZeroU16;

use commands::CommandContext;
use domain::appointment::{Appointment, LONGEST, Slot};
use domain::ids::{FacilityId, UserId, WaitingId};
use domain::reminder::QuietHours;
use domain::scheduling::{Calendar, Interval, PracticeTime, SlotSearch, free_slots};
use domain::waiting_list::{WaitingStatus, answer_by};
use jiff::{SignedDuration, Timestamp};
use projections::availability::Wanted;
use projections::waiting_list::WaitingView;
use projections_engine::following::PolicyError;

use super::freed::FreedTime;
use super::work::Work;

/// How many slots are tried for one patient before the next in line.
const MOST_TRIED: usize = 20;

/// How far apart slots begin in time that nobody was booked in: hours, and leave that is cancelled.
const GRID: u16 = 15;

/// A slot for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) waiting_id: WaitingId,
    pub(super) slot: Slot,
    pub(super) answer_by: Timestamp,
}

/// A practitioner with free time.
struct Free {
    calendar: Calendar,
    specialties: Vec<String>,
}

impl Work {
    /// The first in line whom any of this time fits. What is offered to somebody else is not free.
    pub(super) async fn first_fit(
        &self,
        facility: FacilityId,
        freed: &[FreedTime],
        quiet: Option<QuietHours>,
        time: &PracticeTime,
    ) -> Result<Option<Fit>, PolicyError> {
        let line = self.waiting.line(facility, time.today()).await?;
        let waiting = || line.iter().filter(|view| view.entry.status == Some(WaitingStatus::Waiting));
        let ahead: Vec<FreedTime> = freed.iter().copied().filter(|freed| freed.during.until > time.now).collect();
        if ahead.is_empty() || waiting().next().is_none() {
            return Ok(None);
        }
        let free = self.free(facility, &ahead, &line, time).await?;
        let context = CommandContext::system(facility);
        for view in waiting() {
            let Some(wish) = &view.entry.wish else { continue };
            let Some(duration) = NonZeroU16::new(wish.duration_minutes) else { continue };
            let moves_from = match wish.appointment_id {
                Some(id) => match self.commands.load::<Appointment>(facility, id.0).await? {
                    Some(loaded) => loaded.aggregate.slot.map(|slot| slot.during.from),
                    None => continue,
                },
                None => None,
            };
            let slots = ahead.iter().flat_map(|freed| slots_in(freed, duration, &free));
            let wanted = slots.filter(|(slot, free)| view.entry.wants(slot, &free.specialties, moves_from, time));
            for (slot, _) in wanted.take(MOST_TRIED) {
                let Some(answer_by) = answer_by(slot.during, quiet, time) else { continue };
                if self.commands.could_have(&view.entry, &slot, &context).await? {
                    return Ok(Some(Fit { waiting_id: view.id, slot, answer_by }));
                }
            }
        }
        Ok(None)
    }

    /// When each practitioner with freed time is free around it.
    async fn free(
        &self,
        facility: FacilityId,
        freed: &[FreedTime],
        line: &[WaitingView],
        time: &PracticeTime,
    ) -> Result<HashMap<UserId, Free>, PolicyError> {
        let mut hulls: HashMap<UserId, Interval> = HashMap::new();
        for FreedTime { practitioner, during, .. } in freed {
            let hull = hulls.entry(*practitioner).or_insert(*during);
            *hull = Interval { from: hull.from.min(during.from), until: hull.until.max(during.until) };
        }
        let mut free = HashMap::with_capacity(hulls.len());
        for (practitioner, hull) in hulls {
            let window = Interval {
                from: hull.from.checked_sub(LONGEST).unwrap_or(Timestamp::MIN),
                until: hull.until.checked_add(LONGEST).unwrap_or(Timestamp::MAX),
            };
            let wanted = Wanted { practitioners: vec![practitioner], ..Wanted::default() };
            let found = self.calendars.of(facility, &wanted, window, time, 1).await?;
            // Whoever takes no bookings any more has no calendar.
            let Some((_, calendar)) = found.into_iter().next() else { continue };
            let offered = line.iter().filter_map(|view| view.entry.offer.as_ref());
            let offered = offered.filter(|offer| offer.slot.practitioner_id == practitioner);
            let offered: Vec<Interval> = offered.flat_map(|offer| offer.slot.times()).collect();
            let calendar = calendar.without(&offered);
            let user = self.users.view(facility, practitioner).await?;
            let specialties = user.map(|user| user.specialties).unwrap_or_default();
            free.insert(practitioner, Free { calendar, specialties });
        }
        Ok(free)
    }
}

/// The free slots of this length in freed time, or, if it is too short for one, those that need it and free time around it.
fn slots_in<'a>(
    freed: &'a FreedTime,
    duration: NonZeroU16,
    free: &'a HashMap<UserId, Free>,
) -> impl Iterator<Item = (Slot, &'a Free)> {
    let length = SignedDuration::from_mins(duration.get().into());
    let Interval { from, until } = freed.during;
    let whole = from.duration_until(until);
    let (window, step) = if whole < length {
        let more = length.saturating_sub(SignedDuration::from_mins(1));
        let window = Interval {
            from: from.checked_sub(more).unwrap_or(Timestamp::MIN),
            until: until.checked_add(more).unwrap_or(Timestamp::MAX),
        };
        (window, 5)
    } else if whole <= LONGEST {
        // To the minute: it begins where the former one began.
        (freed.during, 1)
    } else {
        (freed.during, GRID)
    };
    let step_minutes = NonZeroU16::new(step).unwrap_or(NonZeroU16::MIN);
    let search = SlotSearch { window, duration_minutes: duration, step_minutes };
    let free = free.get(&freed.practitioner);
    free.into_iter().flat_map(move |free| {
        let slots = free_slots(&free.calendar, search).filter(|slot| slot.overlaps(freed.during));
        slots.map(move |during| {
            let slot =
                Slot { practitioner_id: freed.practitioner, room_id: freed.room, during, additional_slots: Vec::new() };
            (slot, free)
        })
    })
}
