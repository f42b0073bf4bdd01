//! Who of a practice is connected, on whichever server. Each server says who is connected to it: at every change, and
//! again from time to time. So what was lost is repaired, a server that says nothing any more counts for nothing, and a
//! user counts as connected as long as one socket on one server is. None of this is part of the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, Message};
use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use futures_util::StreamExt;
use projections::publisher::NatsNames;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::hub::{Hub, PresenceChange};
use super::neighbours;

/// How often a server repeats itself.
const REPEAT_INTERVAL: Duration = Duration::from_secs(20);
/// After how long a silent server counts for nothing.
const SILENT_AFTER: Duration = Duration::from_secs(65);

/// Who is connected to one server, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Roll {
    server: Uuid,
    users: HashMap<UserId, Role>,
}

/// When each server was heard last, and who is connected to it.
type Servers = HashMap<Uuid, (Instant, HashMap<UserId, Role>)>;

/// What all servers said of one practice.
#[derive(Default)]
struct Practice {
    servers: Servers,
}

impl Practice {
    /// Takes what a server said.
    fn hear(&mut self, roll: Roll, now: Instant) -> Vec<PresenceChange> {
        self.changes(|servers| {
            if roll.users.is_empty() {
                servers.remove(&roll.server);
            } else {
                servers.insert(roll.server, (now, roll.users));
            }
        })
    }

    /// Drops servers that have said nothing since.
    fn forget_silent(&mut self, since: Instant, own: Uuid) -> Vec<PresenceChange> {
        self.changes(|servers| servers.retain(|server, (heard, _)| *server == own || *heard >= since))
    }

    fn changes(&mut self, change: impl FnOnce(&mut Servers)) -> Vec<PresenceChange> {
        let before = self.everybody();
        change(&mut self.servers);
        let after = self.everybody();
        let gone = before.iter().filter(|(user, _)| !after.contains_key(user)).map(|entry| (entry, false));
        let come = after.iter().filter(|(user, _)| !before.contains_key(user)).map(|entry| (entry, true));
        gone.chain(come).map(|((&user_id, &role), connected)| PresenceChange { user_id, role, connected }).collect()
    }

    fn everybody(&self) -> HashMap<UserId, Role> {
        self.servers.values().flat_map(|(_, users)| users).map(|(&user, &role)| (user, role)).collect()
    }
}

/// One server's view of who is connected.
pub(super) struct Presence {
    server: Uuid,
    hub: Arc<Hub>,
    known: Mutex<Known>,
    /// Practices where somebody came to this server or left it: the other servers are to be told.
    changed: mpsc::Sender<FacilityId>,
}

#[derive(Default)]
struct Known {
    practices: HashMap<FacilityId, Practice>,
    /// The users who are connected to this server, and with how many sockets.
    own: HashMap<FacilityId, HashMap<UserId, (Role, usize)>>,
}

/// A user's socket, as long as it is there.
pub(super) struct Present {
    presence: Arc<Presence>,
    facility: FacilityId,
    user: UserId,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.leave(self.facility, self.user);
    }
}

impl Presence {
    /// The view, and the practices that the other servers are to be told of.
    pub(super) fn new(hub: Arc<Hub>) -> (Arc<Self>, mpsc::Receiver<FacilityId>) {
        let (changed, changes) = mpsc::channel(1024);
        (Arc::new(Self { server: Uuid::new_v4(), hub, known: Mutex::default(), changed }), changes)
    }

    /// A user has a socket, until what this returns is dropped.
    pub(super) fn join(self: &Arc<Self>, facility: FacilityId, user: UserId, role: Role) -> Present {
        let mut known = self.known();
        let sockets = known.own.entry(facility).or_default().entry(user).or_insert((role, 0));
        *sockets = (role, sockets.1 + 1);
        self.own_roll_changed(&mut known, facility);
        Present { presence: Arc::clone(self), facility, user }
    }

    fn leave(&self, facility: FacilityId, user: UserId) {
        let mut known = self.known();
        if let Some(users) = known.own.get_mut(&facility) {
            if let Some((_, sockets)) = users.get_mut(&user) {
                *sockets -= 1;
            }
            users.retain(|_, (_, sockets)| *sockets > 0);
        }
        self.own_roll_changed(&mut known, facility);
        known.own.retain(|_, users| !users.is_empty());
    }

    fn own_roll_changed(&self, known: &mut Known, facility: FacilityId) {
        let roll = self.roll(known, facility);
        self.hear(known, facility, roll);
        // When this many wait, the regular repetition tells it.
        let _ = self.changed.try_send(facility);
    }

    fn roll(&self, known: &Known, facility: FacilityId) -> Roll {
        let users = known.own.get(&facility).into_iter().flatten().map(|(&user, &(role, _))| (user, role));
        Roll { server: self.server, users: users.collect() }
    }

    /// Under the lock, so that sockets are told in the order in which it happened.
    fn hear(&self, known: &mut Known, facility: FacilityId, roll: Roll) {
        let practice = known.practices.entry(facility).or_default();
        for change in practice.hear(roll, Instant::now()) {
            self.hub.tell_presence(facility, change);
        }
        if practice.servers.is_empty() {
            known.practices.remove(&facility);
        }
    }

    fn forget_silent(&self) {
        let Some(since) = Instant::now().checked_sub(SILENT_AFTER) else { return };
        let mut known = self.known();
        for (&facility, practice) in &mut known.practices {
            for change in practice.forget_silent(since, self.server) {
                self.hub.tell_presence(facility, change);
            }
        }
        known.practices.retain(|_, practice| !practice.servers.is_empty());
    }

    /// A panic elsewhere leaves the maps whole.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the other servers, and hears them.
    pub(super) async fn exchange(&self, client: &Client, names: &NatsNames, changes: &mut mpsc::Receiver<FacilityId>) {
        let mut repeat = tokio::time::interval(REPEAT_INTERVAL);
        let mut rolls = neighbours::listen_to(client, &names.presence()).await;
        loop {
            tokio::select! {
                Some(facility) = changes.recv() => self.tell(client, names, facility).await,
                _ = repeat.tick() => {
                    let practices: Vec<_> = self.known().own.keys().copied().collect();
                    for facility in practices {
                        self.tell(client, names, facility).await;
                    }
                    self.forget_silent();
                }
                message = rolls.next() => match message {
                    Some(message) => self.listen(&message),
                    // The client is closing.
                    None => return,
                },
            }
        }
    }

    async fn tell(&self, client: &Client, names: &NatsNames, facility: FacilityId) {
        let roll = self.roll(&self.known(), facility);
        neighbours::tell(client, names.presence_of(facility), &roll).await;
    }

    fn listen(&self, message: &Message) {
        if let Some((facility, roll)) = neighbours::heard::<Roll>(message)
            && roll.server != self.server
        {
            self.hear(&mut self.known(), facility, roll);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NURSE: UserId = UserId(Uuid::from_u128(7));

    fn roll(server: u128, users: &[UserId]) -> Roll {
        Roll { server: Uuid::from_u128(server), users: users.iter().map(|&user| (user, Role::Nurse)).collect() }
    }

    fn nurse(connected: bool) -> Vec<PresenceChange> {
        vec![PresenceChange { user_id: NURSE, role: Role::Nurse, connected }]
    }

    #[test]
    fn a_user_is_connected_as_long_as_one_server_says_so() {
        let (mut practice, now) = (Practice::default(), Instant::now());
        assert_eq!(practice.hear(roll(1, &[NURSE]), now), nurse(true));
        assert_eq!(practice.hear(roll(2, &[NURSE]), now), []);
        assert_eq!(practice.hear(roll(1, &[]), now), []);
        assert_eq!(practice.hear(roll(2, &[]), now), nurse(false));
    }

    #[test]
    fn a_server_that_says_nothing_any_more_counts_for_nothing() {
        let (mut practice, start) = (Practice::default(), Instant::now());
        let (silent, own) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(practice.hear(roll(1, &[NURSE]), start), nurse(true));
        assert_eq!(practice.forget_silent(start, own), []);
        assert_eq!(practice.forget_silent(start + SILENT_AFTER, silent), [], "a server does not forget itself");
        assert_eq!(practice.forget_silent(start + SILENT_AFTER, own), nurse(false));
    }

    #[test]
    fn two_sockets_of_one_user_are_one_presence() {
        let hub = Arc::new(Hub::new(domain::ids::Position::ZERO, 16));
        let (presence, _changes) = Presence::new(Arc::clone(&hub));
        let facility = FacilityId(Uuid::from_u128(9));
        let mut told = hub.subscribe(facility);
        let first = presence.join(facility, NURSE, Role::Nurse);
        let second = presence.join(facility, NURSE, Role::Nurse);
        drop(first);
        drop(second);
        let mut heard = || match told.try_recv() {
            Ok(super::super::hub::Live::Presence(change)) => Some(change.connected),
            Ok(super::super::hub::Live::Event(_) | super::super::hub::Live::Notice(..)) | Err(_) => None,
        };
        assert_eq!((heard(), heard(), heard()), (Some(true), Some(false), None));
        assert!(presence.known().practices.is_empty() && presence.known().own.is_empty());
    }
}
