//! What one server knows in memory of sessions, accounts and facilities. With it a valid token is judged as things are now,
//! without a query: ended and idle sessions, suspended accounts, present roles, and what a facility decided about
//! permissions and second factors.
//!
//! [`account_state_feed`](super::account_state_feed) keeps it up to date, within a fraction of a second. A session or an
//! account that is not known here is younger than the last look at the tables: the token alone judges it. An entry whose
//! row this release does not understand is closed.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::facility::FacilitySettings;
use domain::ids::{FacilityId, UserId};
use domain::permissions::Permissions;
use domain::role::Role;
use event_store_schema::not_understood::RowsNotUnderstood;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::member::Member;

/// Why a valid token does not open the door any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session was ended.
    SessionEnded,
    /// No request used it for longer than the facility allows.
    Idle,
    /// The member of staff may not come in.
    Suspended,
    /// This release does not understand the row of the account or of the facility.
    NotUnderstood,
}

/// What a member may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Their role.
    pub role: Role,
    /// What they may do.
    pub permissions: Permissions,
    /// Whether their facility asks a second factor of them which they do not have.
    pub must_enroll: bool,
}

/// The entry of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<T> {
    /// The row is understood.
    Open(T),
    /// It is not: whatever depends on it is refused.
    Closed,
}

/// What is known.
#[derive(Default)]
pub struct AccountState {
    known: RwLock<Known>,
    not_understood: RowsNotUnderstood,
}

#[derive(Default)]
struct Known {
    sessions: HashMap<Uuid, LiveSession>,
    users: HashMap<UserId, Entry<UserState>>,
    facilities: HashMap<FacilityId, Entry<FacilityState>>,
    unread: Unread,
}

/// The users and facilities of whom the log holds events that this release could not copy into the tables: the tables are
/// behind, so these are closed too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Users.
    pub users: HashSet<UserId>,
    /// Facilities.
    pub facilities: HashSet<FacilityId>,
}

struct LiveSession {
    ended: bool,
    /// Its row is not understood.
    closed: bool,
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
    /// Its key.
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
pub struct UserState {
    /// Their role.
    pub role: Role,
    /// Whether they may come in.
    pub active: bool,
}

/// What a facility decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FacilityState {
    /// About the accounts of its staff.
    pub settings: FacilitySettings,
    /// About what roles may do, where it differs from the default.
    pub permissions: HashMap<Role, Permissions>,
}

impl AccountState {
    /// What the member of a valid token may do now. The session counts as used.
    pub fn of(&self, member: &Member, second_factor: bool, now: Timestamp) -> Result<Present, Refusal> {
        let present = self.look_at(member, second_factor, now)?;
        if let Some(session) = self.read().sessions.get(&member.session_id) {
            session.use_at(now);
        }
        Ok(present)
    }

    /// The same for a screen that is open: it does not keep a session from getting idle.
    pub fn look_at(&self, member: &Member, second_factor: bool, now: Timestamp) -> Result<Present, Refusal> {
        let known = self.read();
        if known.is_closed(member.user_id, member.facility_id) {
            return Err(Refusal::NotUnderstood);
        }
        let role = match known.users.get(&member.user_id) {
            Some(Entry::Open(user)) if !user.active => return Err(Refusal::Suspended),
            Some(Entry::Open(user)) => user.role,
            Some(Entry::Closed) | None => member.role,
        };
        let facility = match known.facilities.get(&member.facility_id) {
            Some(Entry::Open(facility)) => Some(facility),
            Some(Entry::Closed) | None => None,
        };
        let session = known.sessions.get(&member.session_id);
        if let Some(session) = session {
            let idle_timeout = facility.map_or_else(default_idle_timeout, FacilityState::idle_timeout);
            session.check(now, idle_timeout)?;
        }
        let has_second_factor = second_factor || session.is_some_and(|session| session.second_factor);
        let required = facility.is_some_and(|facility| facility.settings.mfa_required_for.contains(&role));
        let permissions = facility.map_or_else(|| default_permissions(role), |facility| facility.permissions(role));
        Ok(Present { role, permissions, must_enroll: required && !has_second_factor })
    }

    /// Whether a row of this account or of this facility is not understood.
    pub fn is_closed(&self, user: UserId, facility: FacilityId) -> bool {
        self.read().is_closed(user, facility)
    }

    /// What the members of this facility in this role may do: nothing, if the facility's row is not understood.
    pub fn permissions(&self, facility: FacilityId, role: Role) -> Permissions {
        match self.read().facilities.get(&facility) {
            Some(Entry::Open(facility)) => facility.permissions(role),
            Some(Entry::Closed) => Permissions::NONE,
            None => default_permissions(role),
        }
    }

    /// Whether the facility asks a second factor of this role.
    pub fn requires_second_factor(&self, facility: FacilityId, role: Role) -> bool {
        match self.read().facilities.get(&facility) {
            Some(Entry::Open(facility)) => facility.settings.mfa_required_for.contains(&role),
            Some(Entry::Closed) => true,
            None => false,
        }
    }

    /// After which time without a request a session of this user ends: at once, if the row of the user or of the facility
    /// is not understood.
    pub fn idle_timeout(&self, user: UserId, facility: FacilityId) -> SignedDuration {
        let known = self.read();
        match known.facilities.get(&facility) {
            _ if known.is_closed(user, facility) => SignedDuration::ZERO,
            Some(Entry::Open(facility)) => facility.idle_timeout(),
            Some(Entry::Closed) | None => default_idle_timeout(),
        }
    }

    /// A session as its row has it. An end is never taken back.
    pub fn learn_session(&self, state: &SessionState) {
        let mut known = self.write();
        let session = known.sessions.entry(state.session_id).or_insert_with(|| LiveSession::new(state.last_seen_at));
        session.ended |= state.ended;
        session.closed = false;
        session.second_factor = state.second_factor;
        session.expires_at = state.expires_at;
        session.last_seen.fetch_max(state.last_seen_at.as_second(), Ordering::Relaxed);
    }

    /// A session whose row is not understood, until one that is takes its place.
    pub fn close_session(&self, session_id: Uuid) {
        let mut known = self.write();
        let session = known.sessions.entry(session_id).or_insert_with(|| LiveSession::new(Timestamp::UNIX_EPOCH));
        session.closed = true;
        session.expires_at = Timestamp::MAX;
    }

    /// An account as its row has it.
    pub fn learn_user(&self, user: UserId, state: Entry<UserState>) {
        self.write().users.insert(user, state);
    }

    /// A facility as its row has it.
    pub fn learn_facility(&self, facility: FacilityId, state: Entry<FacilityState>) {
        self.write().facilities.insert(facility, state);
    }

    /// All of whom the log holds events that are not in the tables.
    pub fn learn_unread(&self, unread: Unread) {
        if self.read().unread != unread {
            self.write().unread = unread;
        }
    }

    /// The rows of the schema `accounts` that are not understood.
    pub const fn not_understood(&self) -> &RowsNotUnderstood {
        &self.not_understood
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

    // A panic under the lock leaves whole entries: each is replaced at once.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_closed(&self, user: UserId, facility: FacilityId) -> bool {
        matches!(self.users.get(&user), Some(Entry::Closed))
            || matches!(self.facilities.get(&facility), Some(Entry::Closed))
            || self.unread.users.contains(&user)
            || self.unread.facilities.contains(&facility)
    }
}

impl LiveSession {
    fn new(last_seen_at: Timestamp) -> Self {
        Self {
            ended: false,
            closed: false,
            second_factor: false,
            expires_at: Timestamp::MAX,
            last_seen: AtomicI64::new(last_seen_at.as_second()),
            seen: AtomicBool::new(false),
        }
    }

    fn check(&self, now: Timestamp, idle_timeout: SignedDuration) -> Result<(), Refusal> {
        if self.ended || self.closed || self.expires_at <= now {
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

impl FacilityState {
    fn idle_timeout(&self) -> SignedDuration {
        SignedDuration::from_mins(self.settings.idle_timeout_minutes.into())
    }

    fn permissions(&self, role: Role) -> Permissions {
        self.permissions.get(&role).map_or_else(|| default_permissions(role), |changed| changed.bounded_for(role))
    }
}

fn default_permissions(role: Role) -> Permissions {
    Permissions::default_of(role).bounded_for(role)
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
        let present = AccountState::default().of(&member(), false, at(0)).unwrap();
        assert_eq!((present.role, present.must_enroll), (Role::Doctor, false));
    }

    #[test]
    fn an_ended_session_stays_ended() {
        let state = AccountState::default();
        state.learn_session(&session(false));
        assert!(state.of(&member(), false, at(1)).is_ok());
        state.learn_session(&session(true));
        state.learn_session(&session(false));
        assert_eq!(state.of(&member(), false, at(1)), Err(Refusal::SessionEnded));
    }

    #[test]
    fn a_session_lives_as_long_as_it_is_used_and_not_beyond_its_end() {
        let state = AccountState::default();
        state.learn_session(&session(false));
        for minute in (0..600).step_by(30) {
            assert!(state.of(&member(), false, at(minute)).is_ok(), "{minute}");
        }
        assert_eq!(state.of(&member(), false, at(600)), Err(Refusal::SessionEnded));
        let idle = AccountState::default();
        idle.learn_session(&session(false));
        assert_eq!(idle.of(&member(), false, at(31)), Err(Refusal::Idle));
    }

    #[test]
    fn what_was_seen_here_is_told_once() {
        let state = AccountState::default();
        state.learn_session(&session(false));
        assert!(state.take_seen().is_empty());
        state.look_at(&member(), false, at(5)).unwrap();
        assert_eq!(state.take_seen(), [], "an open screen is no use of a session");
        state.of(&member(), false, at(5)).unwrap();
        assert_eq!(state.take_seen(), [(SESSION, at(5))]);
        assert!(state.take_seen().is_empty());
    }

    #[test]
    fn another_role_counts_at_once_and_a_suspension_too() {
        let state = AccountState::default();
        state.learn_user(member().user_id, Entry::Open(UserState { role: Role::Nurse, active: true }));
        let present = state.of(&member(), false, at(0)).unwrap();
        assert_eq!(present.role, Role::Nurse);
        assert_eq!(present.permissions, Permissions::default_of(Role::Nurse));
        state.learn_user(member().user_id, Entry::Open(UserState { role: Role::Nurse, active: false }));
        assert_eq!(state.of(&member(), false, at(0)), Err(Refusal::Suspended));
    }

    #[test]
    fn a_practice_narrows_a_role_and_asks_for_second_factors() {
        let state = AccountState::default();
        let narrowed = Permissions::default_of(Role::Doctor).with(Area::Consents, Access::None);
        let settings =
            FacilitySettings { mfa_required_for: BTreeSet::from([Role::Doctor]), ..FacilitySettings::default() };
        let permissions = HashMap::from([(Role::Doctor, narrowed)]);
        state.learn_facility(member().facility_id, Entry::Open(FacilityState { settings, permissions }));
        let present = state.of(&member(), false, at(0)).unwrap();
        assert_eq!((present.permissions, present.must_enroll), (narrowed, true));
        assert!(!state.of(&member(), true, at(0)).unwrap().must_enroll);
        state.learn_session(&SessionState { second_factor: true, ..session(false) });
        assert!(!state.of(&member(), false, at(0)).unwrap().must_enroll);
    }

    #[test]
    fn what_is_not_understood_is_closed_until_it_is() {
        let state = AccountState::default();
        state.learn_user(member().user_id, Entry::Closed);
        assert_eq!(state.of(&member(), false, at(0)), Err(Refusal::NotUnderstood));
        state.learn_user(member().user_id, Entry::Open(UserState { role: Role::Doctor, active: true }));
        assert!(state.of(&member(), false, at(0)).is_ok());

        state.learn_facility(member().facility_id, Entry::Closed);
        assert_eq!(state.of(&member(), false, at(0)), Err(Refusal::NotUnderstood));
        assert!(state.is_closed(member().user_id, member().facility_id));
        assert_eq!(state.permissions(member().facility_id, Role::Doctor), Permissions::NONE);
        assert!(state.requires_second_factor(member().facility_id, Role::Doctor));
        state.learn_facility(member().facility_id, Entry::Open(FacilityState::default()));
        assert!(state.of(&member(), false, at(0)).is_ok());

        state.learn_unread(Unread { users: HashSet::from([member().user_id]), ..Unread::default() });
        assert_eq!(state.of(&member(), false, at(0)), Err(Refusal::NotUnderstood));
        state.learn_unread(Unread::default());

        state.learn_session(&session(false));
        state.close_session(SESSION);
        assert_eq!(state.of(&member(), false, at(1)), Err(Refusal::SessionEnded));
        state.forget_sessions_over_by(at(10_000));
        assert_eq!(state.of(&member(), false, at(1)), Err(Refusal::SessionEnded), "it is not forgotten");
        state.learn_session(&session(false));
        assert!(state.of(&member(), false, at(1)).is_ok());
    }
}
