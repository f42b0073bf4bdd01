//! Hands what the relay lets through to the sockets of each practice. One bounded queue a practice: a socket that is
//! slower than the queue is long finds out, and nobody waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{FacilityId, PatientId, Position, UserId};
use domain::role::{Area, Role};
use projections::push::Frame;
use tokio::sync::broadcast;

use super::filling::Filled;
use super::messages::Notice;
use super::traces::patient_of;
use accounts::member::Member;

/// What goes to the sockets of a practice.
#[derive(Clone)]
pub(super) enum Live {
    /// What there is to tell of an event.
    Event(Arc<LiveEvent>),
    /// Somebody came or went.
    Presence(PresenceChange),
    /// What some are to know at once.
    Notice(Addressee, Arc<Notice>),
}

/// Somebody came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PresenceChange {
    pub(super) user_id: UserId,
    pub(super) role: Role,
    pub(super) connected: bool,
}

/// For whom a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// Everybody of a role.
    Role(Role),
    /// One user, on all their screens.
    User(UserId),
}

impl Addressee {
    pub(super) fn is(self, member: &Member) -> bool {
        match self {
            Self::Role(role) => member.role == role,
            Self::User(user) => member.user_id == user,
        }
    }
}

/// An event, and its frames, which go together: there is one position for all of them.
pub(super) struct LiveEvent {
    pub(super) position: Position,
    pub(super) frames: Vec<LiveFrame>,
}

/// A frame, written out once for all sockets.
pub(super) struct LiveFrame {
    pub(super) area: Area,
    /// Whom it tells of.
    pub(super) patient: Option<PatientId>,
    pub(super) text: String,
    /// The same with what is filled in, where something is.
    pub(super) filled: Option<Filled>,
}

/// The queues of one server.
pub(super) struct Hub {
    relayed: AtomicU64,
    queue_length: usize,
    practices: Mutex<HashMap<FacilityId, broadcast::Sender<Live>>>,
}

impl Hub {
    pub(super) fn new(relayed: Position, queue_length: usize) -> Self {
        Self { relayed: AtomicU64::new(relayed.get()), queue_length, practices: Mutex::default() }
    }

    /// Everything of the practice from now on. Whoever subscribes first and then asks what is [`relayed`](Self::relayed)
    /// misses nothing: what is not in the queue is at or before that position.
    pub(super) fn subscribe(&self, facility: FacilityId) -> broadcast::Receiver<Live> {
        let mut practices = self.practices();
        practices.entry(facility).or_insert_with(|| broadcast::Sender::new(self.queue_length)).subscribe()
    }

    /// Up to where the log is relayed.
    pub(super) fn relayed(&self) -> Position {
        Position::from(self.relayed.load(Ordering::SeqCst))
    }

    /// Relays one position, and its frames if it has any: all of one practice.
    pub(super) fn relay(&self, position: Position, frames: &[Frame]) -> serde_json::Result<()> {
        // Before the frames are sent: see `subscribe`.
        self.relayed.store(position.get(), Ordering::SeqCst);
        let Some(first) = frames.first() else { return Ok(()) };
        self.send(first.facility_id, || {
            let live = frames.iter().map(|frame| {
                let (area, patient, text) = (frame.push.area(), patient_of(&frame.push), frame.to_json()?);
                Ok(LiveFrame { area, patient, text, filled: Filled::of(frame) })
            });
            Ok(Live::Event(Arc::new(LiveEvent { position, frames: live.collect::<serde_json::Result<_>>()? })))
        })
    }

    /// Tells a practice who came or went.
    pub(super) fn tell_presence(&self, facility: FacilityId, change: PresenceChange) {
        // This one has nothing to write out that could fail.
        let _ = self.send(facility, || Ok(Live::Presence(change)));
    }

    /// Tells some of a practice.
    pub(super) fn tell(&self, facility: FacilityId, whom: Addressee, notice: Notice) {
        // As above.
        let _ = self.send(facility, || Ok(Live::Notice(whom, Arc::new(notice))));
    }

    fn send(&self, facility: FacilityId, live: impl FnOnce() -> serde_json::Result<Live>) -> serde_json::Result<()> {
        let mut practices = self.practices();
        let Some(queue) = practices.get(&facility) else { return Ok(()) };
        if queue.receiver_count() == 0 {
            practices.remove(&facility);
            return Ok(());
        }
        // The last receiver may go in this moment; then nobody is there to miss it.
        let _ = queue.send(live()?);
        Ok(())
    }

    /// A panic elsewhere leaves the map whole.
    fn practices(&self) -> MutexGuard<'_, HashMap<FacilityId, broadcast::Sender<Live>>> {
        self.practices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
