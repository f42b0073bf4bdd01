//! What every server knows in memory of sessions, accounts and practices, so that a valid token is judged as things stand
//! now without a query: ended and idle sessions, suspended accounts, present roles, and what a practice decided about
//! permissions and second factors. [`super::standing_feed`] keeps it up to date, within a fraction of a second.
//!
//! A session or an account that is not known here is judged by the token alone: it is younger than the last look at the
//! tables.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::facility::FacilitySettings;
use domain::ids::{FacilityId, UserId};
use domain::permissions::Permissions;
use domain::role::Role;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::member::Member;

/// Why a valid token does not open the door any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session was ended.
    SessionEnded,
    /// Nobody used it for longer than the practice allows.
    Idle,
    /// The member of staff may not come in.
    Suspended,
}

/// How somebody stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Their role.
    pub role: Role,
    /// What they may do.
    pub permissions: Permissions,
    /// Whether their practice asks a second factor of them which they do not have.
    pub must_enroll: bool,
}

/// What is known.
#[derive(Default)]
pub struct Standing(RwLock<Known>);

#[derive(Default)]
struct Known {
    sessions: HashMap<Uuid, SessionStanding>,
    users: HashMap<UserId, UserStanding>,
    practices: HashMap<FacilityId, PracticeStanding>,
}

struct SessionStanding {
    ended: bool,
    second_factor: bool,
    expires_at: Timestamp,
    /// In seconds.
    last_seen: AtomicI64,
    /// Whether it was seen here since that was last written down.
    seen: AtomicBool,
}

/// What a row of the sessions says.
#[derive(Clone, Copy, Debug)]
pub struct SessionState {
    /// Which.
    pub session_id: Uuid,
    /// Whether it is over.
    pub ended: bool,
    /// Whether it began with a second factor.
    pub second_factor: bool,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// When it was last used, as far as it was written down.
    pub last_seen_at: Timestamp,
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStanding {
    /// Their role.
    pub role: Role,
    /// Whether they may come in.
    pub active: bool,
}

/// What a practice decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeStanding {
    /// About the accounts of its staff.
    pub settings: FacilitySettings,
    /// About what roles may do, where it differs from the default.
    pub permissions: HashMap<Role, Permissions>,
}

impl Standing {
    /// How this member stands, who came with a valid token. The session counts as used.
    pub fn of(&self, member: &Member, second_factor: bool, now: Timestamp) -> Result<Present, Refusal> {
        let present = self.look_at(member, second_factor, now)?;
        if let Some(session) = self.read().sessions.get(&member.session_id) {
            session.use_at(now);
        }
        Ok(present)
    }

    /// How this member stands, of whom nothing was heard: a screen that is open does not keep a session from getting idle.
    pub fn look_at(&self, member: &Member, second_factor: bool, now: Timestamp) -> Result<Present, Refusal> {
        let known = self.read();
        let role = match known.users.get(&member.user_id) {
            Some(user) if !user.active => return Err(Refusal::Suspended),
            Some(user) => user.role,
            None => member.role,
        };
        let practice = known.practices.get(&member.facility_id);
        let session = known.sessions.get(&member.session_id);
        if let Some(session) = session {
            let idle_timeout = practice.map_or_else(default_idle_timeout, PracticeStanding::idle_timeout);
            session.check(now, idle_timeout)?;
        }
        let has_second_factor = second_factor || session.is_some_and(|session| session.second_factor);
        let required = practice.is_some_and(|practice| practice.settings.mfa_required_for.contains(&role));
        let changed = practice.and_then(|practice| practice.permissions.get(&role).copied());
        let permissions = changed.unwrap_or_else(|| Permissions::default_of(role)).bounded_for(role);
        Ok(Present { role, permissions, must_enroll: required && !has_second_factor })
    }

    /// What the members of this practice in this role may do.
    pub fn permissions(&self, facility: FacilityId, role: Role) -> Permissions {
        let known = self.read();
        let changed = known.practices.get(&facility).and_then(|practice| practice.permissions.get(&role).copied());
        changed.unwrap_or_else(|| Permissions::default_of(role)).bounded_for(role)
    }

    /// Whether the practice asks a second factor of this role.
    pub fn requires_second_factor(&self, facility: FacilityId, role: Role) -> bool {
        let known = self.read();
        known.practices.get(&facility).is_some_and(|practice| practice.settings.mfa_required_for.contains(&role))
    }

    /// After which time without a request sessions of this practice end.
    pub fn idle_timeout(&self, facility: FacilityId) -> SignedDuration {
        self.read().practices.get(&facility).map_or_else(default_idle_timeout, PracticeStanding::idle_timeout)
    }

    /// A session as its row has it. An end is never taken back.
    pub fn learn_session(&self, state: &SessionState) {
        let mut known = self.write();
        let session = known.sessions.entry(state.session_id).or_insert_with(|| SessionStanding {
            ended: false,
            second_factor: false,
            expires_at: state.expires_at,
            last_seen: AtomicI64::new(state.last_seen_at.as_second()),
            seen: AtomicBool::new(false),
        });
        session.ended |= state.ended;
        session.second_factor = state.second_factor;
        session.last_seen.fetch_max(state.last_seen_at.as_second(), Ordering::Relaxed);
    }

    /// An account as its row has it.
    pub fn learn_user(&self, user: UserId, standing: UserStanding) {
        self.write().users.insert(user, standing);
    }

    /// A practice as its row has it.
    pub fn learn_practice(&self, facility: FacilityId, standing: PracticeStanding) {
        self.write().practices.insert(facility, standing);
    }

    /// The sessions that were used here since this was last asked, and when.
    pub fn take_seen(&self) -> Vec<(Uuid, Timestamp)> {
        let known = self.read();
        let seen = known.sessions.iter().filter(|(_, session)| session.seen.swap(false, Ordering::Relaxed));
        seen.filter_map(|(id, session)| {
            Some((*id, Timestamp::from_second(session.last_seen.load(Ordering::Relaxed)).ok()?))
        })
        .collect()
    }

    /// Forgets sessions that were over by then, whose tokens have expired as well.
    pub fn forget_sessions_over_by(&self, moment: Timestamp) {
        self.write().sessions.retain(|_, session| session.expires_at > moment);
    }

    /// How many sessions are known, for metrics.
    pub fn session_count(&self) -> usize {
        self.read().sessions.len()
    }

    // A panic while somebody holds the lock leaves whole entries: each is replaced at once.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStanding {
    fn check(&self, now: Timestamp, idle_timeout: SignedDuration) -> Result<(), Refusal> {
        if self.ended || self.expires_at <= now {
            return Err(Refusal::SessionEnded);
        }
        if now.as_second() - self.last_seen.load(Ordering::Relaxed) > idle_timeout.as_secs() {
            return Err(Refusal::Idle);
        }
        Ok(())
    }

    fn use_at(&self, now: Timestamp) {
        self.last_seen.fetch_max(now.as_second(), Ordering::Relaxed);
        self.seen.store(true, Ordering::Relaxed);
    }
}

impl PracticeStanding {
    fn idle_timeout(&self) -> SignedDuration {
        SignedDuration::from_mins(self.settings.idle_timeout_minutes.into())
    }
}

fn default_idle_timeout() -> SignedDuration {
    SignedDuration::from_mins(FacilitySettings::default().idle_timeout_minutes.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::role::{Access, Area};

    use super::*;

    const SESSION: Uuid = Uuid::from_u128(3);

    fn member() -> Member {
        Member {
            user_id: UserId(Uuid::from_u128(1)),
            facility_id: FacilityId(Uuid::from_u128(2)),
            role: Role::Doctor,
            session_id: SESSION,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn session(ended: bool) -> SessionState {
        SessionState { session_id: SESSION, ended, second_factor: false, expires_at: at(600), last_seen_at: at(0) }
    }

    #[test]
    fn who_is_not_known_stands_as_the_token_says() {
        let present = Standing::default().of(&member(), false, at(0)).unwrap();
        assert_eq!((present.role, present.must_enroll), (Role::Doctor, false));
    }

    #[test]
    fn an_ended_session_stays_ended() {
        let standing = Standing::default();
        standing.learn_session(&session(false));
        assert!(standing.of(&member(), false, at(1)).is_ok());
        standing.learn_session(&session(true));
        standing.learn_session(&session(false));
        assert_eq!(standing.of(&member(), false, at(1)), Err(Refusal::SessionEnded));
    }

    #[test]
    fn a_session_lives_as_long_as_it_is_used_and_not_beyond_its_end() {
        let standing = Standing::default();
        standing.learn_session(&session(false));
        for minute in (0..600).step_by(30) {
            assert!(standing.of(&member(), false, at(minute)).is_ok(), "{minute}");
        }
        assert_eq!(standing.of(&member(), false, at(600)), Err(Refusal::SessionEnded));
        let idle = Standing::default();
        idle.learn_session(&session(false));
        assert_eq!(idle.of(&member(), false, at(31)), Err(Refusal::Idle));
    }

    #[test]
    fn what_was_seen_here_is_told_once() {
        let standing = Standing::default();
        standing.learn_session(&session(false));
        assert!(standing.take_seen().is_empty());
        standing.look_at(&member(), false, at(5)).unwrap();
        assert_eq!(standing.take_seen(), [], "an open screen is no use of a session");
        standing.of(&member(), false, at(5)).unwrap();
        assert_eq!(standing.take_seen(), [(SESSION, at(5))]);
        assert!(standing.take_seen().is_empty());
    }

    #[test]
    fn another_role_counts_at_once_and_a_suspension_too() {
        let standing = Standing::default();
        standing.learn_user(member().user_id, UserStanding { role: Role::Nurse, active: true });
        let present = standing.of(&member(), false, at(0)).unwrap();
        assert_eq!(present.role, Role::Nurse);
        assert_eq!(present.permissions, Permissions::default_of(Role::Nurse));
        standing.learn_user(member().user_id, UserStanding { role: Role::Nurse, active: false });
        assert_eq!(standing.of(&member(), false, at(0)), Err(Refusal::Suspended));
    }

    #[test]
    fn a_practice_narrows_a_role_and_asks_for_second_factors() {
        let standing = Standing::default();
        let narrowed = Permissions::default_of(Role::Doctor).with(Area::Consents, Access::None);
        let settings =
            FacilitySettings { mfa_required_for: BTreeSet::from([Role::Doctor]), ..FacilitySettings::default() };
        let permissions = HashMap::from([(Role::Doctor, narrowed)]);
        standing.learn_practice(member().facility_id, PracticeStanding { settings, permissions });
        let present = standing.of(&member(), false, at(0)).unwrap();
        assert_eq!((present.permissions, present.must_enroll), (narrowed, true));
        assert!(!standing.of(&member(), true, at(0)).unwrap().must_enroll);
        standing.learn_session(&SessionState { second_factor: true, ..session(false) });
        assert!(!standing.of(&member(), false, at(0)).unwrap().must_enroll);
    }
}
